#include "helper/archive/pack_options.hpp"

#include <algorithm>
#include <thread>

namespace slipway::helper::archive {

unsigned thread_count(unsigned wanted) {
  constexpr unsigned most = 8;
  const auto threads = wanted > 0 ? wanted : std::thread::hardware_concurrency();
  return std::clamp(threads, 1u, most);
}

}  // namespace slipway::helper::archive
