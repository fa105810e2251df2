#include "job/attempts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace slipway::job {

int attempts(const Variables& variables, const std::string& name,
             std::vector<std::string>& warnings) {
  const auto text = variables.get(name);
  if (text.empty()) return 1;
  std::int64_t value = 0;
  const auto* const begin = text.data() + (text.starts_with('+') ? 1 : 0);
  const auto [end, error] = std::from_chars(begin, text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) {
    warnings.push_back(fmt::format("{}: expected int got \"{}\", using default value: 1", name,
                                   text.substr(0, 100)));
    return 1;
  }
  const int clamped = static_cast<int>(std::clamp<std::int64_t>(value, 1, 10));
  if (clamped != value)
    warnings.push_back(fmt::format(
        "{}: number of attempts out of the range [1, 10], clamping to: {}", name, clamped));
  return clamped;
}

}  // namespace slipway::job
