#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace slipway::job {

using Chunks = std::vector<std::string>;

/// The text whole, cut in two at every position, and byte by byte.
inline std::vector<Chunks> splits(std::string_view text) {
  std::vector<Chunks> all{{std::string{text}}};
  for (std::size_t i = 1; i < text.size(); ++i) {
    all.push_back({std::string{text.substr(0, i)}, std::string{text.substr(i)}});
  }
  Chunks bytes;
  for (const char c : text) bytes.emplace_back(1, c);
  all.push_back(bytes);
  return all;
}

/// Feeds chunks to a filter with write() and, if it has one, flush().
template <class Filter>
std::string filtered(Filter filter, const Chunks& chunks) {
  std::string out;
  for (const auto& chunk : chunks) out += filter.write(chunk);
  if constexpr (requires { filter.flush(); }) out += filter.flush();
  return out;
}

}  // namespace slipway::job
