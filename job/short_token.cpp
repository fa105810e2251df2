#include <algorithm>

#include "job/job.hpp"

namespace slipway::job {
namespace {

constexpr std::size_t shown = 9;

bool strip(std::string_view& token, std::string_view prefix) {
  if (!token.starts_with(prefix)) return false;
  token.remove_prefix(prefix.size());
  return true;
}

bool strip_partition(std::string_view& token) {
  return strip(token, "t1_") || strip(token, "t2_") || strip(token, "t3_");
}

bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

}  // namespace

std::string short_token(std::string_view token) {
  constexpr std::size_t registration = 2 + 7;  // `GR` and 7 hex digits
  if (strip(token, "glrt-")) {
    strip_partition(token);
  } else if (!strip_partition(token)) {
    strip(token, "glrtr-");
  }
  strip(token, "glcbt-");
  if (token.size() >= registration && token.starts_with("GR") &&
      std::all_of(token.begin() + 2, token.begin() + registration, is_hex)) {
    token.remove_prefix(registration);
  }
  return std::string{token.substr(0, shown)};
}

}  // namespace slipway::job
