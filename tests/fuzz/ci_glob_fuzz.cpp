#include <string>

#include "local/ci/glob.hpp"
#include "tests/fuzz/input.hpp"

/// Globs: a pattern, and after the first newline a path. Every pair ends soon; a path without
/// wildcards matches itself.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipway;
  using namespace slipway::local::ci;
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  const auto end = text.find('\n');
  const auto pattern = text.substr(0, std::min<std::size_t>(end, 500));
  const auto path = end == std::string_view::npos ? pattern : text.substr(end + 1, 500);
  glob_matches(pattern, path);
  wildcard_matches(pattern, path);
  if (path.find('*') == std::string_view::npos)
    fuzz::require(wildcard_matches(path, path), "a path matches itself");
  if (!is_glob(path) && path.find('\\') == std::string_view::npos)
    fuzz::require(glob_matches(path, path), "a path matches itself as a glob");
  return 0;
}
