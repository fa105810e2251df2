#include "docker_api/version.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "docker_api/error.hpp"

namespace slipway::docker_api {
namespace {

std::optional<int> parse_number(std::string_view text) {
  int value = 0;
  const auto* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (text.empty() || error != std::errc{} || stop != end || value < 0) return std::nullopt;
  return value;
}

}  // namespace

std::string ApiVersion::text() const {
  return fmt::format("{}.{}", major, minor);
}

std::optional<ApiVersion> parse_version(std::string_view text) {
  if (text.starts_with('v')) text.remove_prefix(1);
  const auto dot = text.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const auto major = parse_number(text.substr(0, dot));
  const auto minor = parse_number(text.substr(dot + 1));
  if (!major || !minor) return std::nullopt;
  return ApiVersion{*major, *minor};
}

ApiVersion negotiate(std::string_view pinned, std::string_view announced) {
  if (!pinned.empty()) {
    const auto version = parse_version(pinned);
    if (!version)
      throw EngineError{"GET /_ping", 0,
                        fmt::format("DOCKER_API_VERSION: `{}` is not a version such as {}", pinned,
                                    maximum_version.text())};
    return *version;
  }
  const auto version = parse_version(announced);
  if (!version) return maximum_version;
  if (*version < minimum_version)
    throw EngineError{"GET /_ping", 0,
                      fmt::format("the Docker Engine is too old: it speaks API version {}, slipway "
                                  "needs {} (Docker 19.03) or later",
                                  version->text(), minimum_version.text())};
  return std::min(*version, maximum_version);
}

}  // namespace slipway::docker_api
