#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::helper {

/// What a repository's index says of the files that decide about further work.
struct IndexSummary {
  std::vector<std::string> attribute_files;  ///< paths of every `.gitattributes`
  std::vector<std::string> gitlinks;         ///< paths of submodules
};

/// Reads `<git_dir>/index`, versions 2 to 4 (git's documentation: index-format). A missing one is
/// empty. nullopt where it does not hold every entry (split, sparse), is damaged or over 1 GiB.
/// `hash_size`: 20, or 32 with SHA-256. Never throws for its contents, which count as hostile.
std::optional<IndexSummary> read_index(const std::filesystem::path& git_dir, std::size_t hash_size);

/// Bytes of an object's name; `object_format` as the payload names it ("" = sha1).
constexpr std::size_t hash_size(std::string_view object_format) {
  return object_format == "sha256" ? 32 : 20;
}

}  // namespace slipway::helper
