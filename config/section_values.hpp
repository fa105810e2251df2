#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/sections.hpp"

namespace slipway::config {

/// Where the value of a key stands, as byte positions; a comment behind it does not belong to it.
struct ValueRange {
  std::size_t begin = 0;
  std::size_t end = 0;
};

/// The value of `key` (without dots, in any case) in this section of a valid TOML text; nullopt
/// when it is not there.
std::optional<ValueRange> find_value(std::string_view text, const Section& section,
                                     std::string_view key);

/// Replaces the value of `key`, or adds a line behind that of `after`, else behind the header; with
/// its indentation and line end. `section` is one of `text` before the change.
std::string with_value(std::string_view text, const Section& section, std::string_view key,
                       std::string_view value, std::string_view after);

}  // namespace slipway::config
