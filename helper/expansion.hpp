#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace slipway::helper {

struct Expanded {
  std::string text;     ///< as it was given, where there is a problem
  std::string problem;  ///< what is wrong with it, for a warning; else empty
};

/// Expands the variables of an artifact's or cache's path or name as a shell does in a
/// here-document: `$V`, `${V}`, `${#V}`, `${!V}`, the forms with `- = + ?` (with and without
/// colon), `# ## % %%`, `/ // /# /%`, `:offset:length`, `^ ^^ , ,,`, `@U @u @L`, and `$((…))`. A
/// backslash is taken away only before `$`, `\` and a backtick; quotes and `~` stay, except
/// within `${…}`, where quotes quote.
///
/// A variable that is empty counts as unset, and so do all special and positional parameters.
/// `${V:=d}` and assignments in arithmetic hold for the rest of `text`. Case changes only ASCII
/// letters; lengths, offsets and patterns count UTF-8 characters. Commands are never run: they are
/// a problem, as are bad syntax, `${V:?…}` of an unset variable, division by zero, and what takes
/// too much memory or time: `text` and the variables may be hostile.
///
/// `lookup` gives a variable's value; it is not called for special parameters.
/// \throws only what `lookup` throws.
Expanded expand_words(std::string_view text,
                      const std::function<std::optional<std::string>(std::string_view)>& lookup);

}  // namespace slipway::helper
