#include "local/ci/error.hpp"

namespace slipway::local::ci {
namespace {

std::string full_text(const yaml::Sources& sources, const yaml::Mark& mark,
                      const std::string& message) {
  auto text = sources.describe(mark) + ": " + message;
  for (const auto& place : sources.chain(mark)) text += "\n  included from " + place;
  return text;
}

}  // namespace

ConfigError::ConfigError(const yaml::Sources& sources, const yaml::Mark& mark,
                         const std::string& message)
    : std::runtime_error{full_text(sources, mark, message)},
      file_{sources.describe({mark.source, 0, 0})},
      line_{mark.line},
      column_{mark.column},
      message_{message},
      included_from_{sources.chain(mark)} {}

}  // namespace slipway::local::ci
