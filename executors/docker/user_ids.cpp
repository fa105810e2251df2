#include "executors/docker/user_ids.hpp"

#include <charconv>

namespace slipway::executors::docker {

namespace {

/// Takes the last line off `text`; nullopt if it is not a number.
std::optional<std::uint32_t> take_last_number(std::string_view& text) {
  const auto end = text.find_last_not_of(" \t\r\n");
  text = text.substr(0, end == std::string_view::npos ? 0 : end + 1);
  const auto begin = text.find_last_of("\r\n");
  const auto line = begin == std::string_view::npos ? text : text.substr(begin + 1);
  std::uint32_t value = 0;
  const auto [stop, error] = std::from_chars(line.data(), line.data() + line.size(), value);
  if (error != std::errc{} || stop != line.data() + line.size()) return std::nullopt;
  text.remove_suffix(line.size());
  return value;
}

}  // namespace

std::optional<UserIds> parse_user_ids(std::string_view output) {
  const auto gid = take_last_number(output);
  const auto uid = gid ? take_last_number(output) : std::nullopt;
  if (!uid) return std::nullopt;
  return UserIds{*uid, *gid};
}

}  // namespace slipway::executors::docker
