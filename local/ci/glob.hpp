#pragma once

#include <string_view>

namespace slipway::local::ci {

/// Ruby's `File.fnmatch?` with PATHNAME, DOTMATCH and EXTGLOB, the dialect of `rules:exists` and
/// `changes`: `*`, `?` and `[…]` do not match `/`; `**/` is any number of directories; `{a,b}` are
/// alternatives; `\` takes away a meaning; a leading dot is nothing special. Never backtracks
/// exponentially; of patterns whose braces make more than about 1,000 alternatives only the first
/// are looked at.
bool glob_matches(std::string_view pattern, std::string_view path);

/// The dialect of wildcards in `include:local` and `cache:key:files`: `**` is any text, `*` any
/// text without `/`; everything else is itself.
bool wildcard_matches(std::string_view pattern, std::string_view path);

/// Whether a pattern holds a character that glob_matches() takes as a wildcard.
bool is_glob(std::string_view pattern);

}  // namespace slipway::local::ci
