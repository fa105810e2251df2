#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace slipway::fuzz {

/// Reads a fuzzer's input as a list of decisions. Past its end every number is 0, every text empty.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size)
      : rest_{reinterpret_cast<const char*>(data), size} {}

  bool empty() const { return rest_.empty(); }
  std::uint8_t number() {
    const auto text = take(1);
    return text.empty() ? 0 : static_cast<std::uint8_t>(text.front());
  }
  /// A number below `bound`.
  std::size_t below(std::size_t bound) { return number() % bound; }
  /// A length in one byte, and that many bytes.
  std::string_view text() { return take(number()); }
  std::string_view take(std::size_t size) {
    const auto text = rest_.substr(0, size);
    rest_.remove_prefix(text.size());
    return text;
  }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

/// What must hold for every input; what does not, is a finding.
inline void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "broken: %s\n", what);
  std::abort();
}

/// Calls `take` with the pieces of `text` when cut after 1, 3, 5 … bytes, a pattern that `seed`
/// shifts.
template <class Take>
void in_pieces(std::string_view text, std::size_t seed, Take take) {
  for (std::size_t count = seed; !text.empty(); ++count) {
    const auto size = std::min<std::size_t>(1 + 2 * (count % 7), text.size());
    take(text.substr(0, size));
    text.remove_prefix(size);
  }
}

}  // namespace slipway::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
