#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::executors::docker {

/// A parsed image reference, by the distribution grammar: `[host[:port]/]path[:tag][@digest]`.
struct ImageName {
  std::string repository;  ///< with host and port, as written
  std::string tag;
  std::string digest;  ///< `sha256:<64 hex>`

  /// The name for `fromImage`: `alpine` → `docker.io/library/alpine`.
  std::string qualified_repository() const;
  /// As written, with `:latest` if it has neither tag nor digest.
  std::string with_default_tag() const;
};

/// nullopt if the text is no valid reference.
std::optional<ImageName> parse_image_name(std::string_view text);

/// What a service is called after its image.
struct ServiceName {
  std::string name;                  ///< without port, tag and digest: `host/a/b`
  std::string version;               ///< tag, `@sha256:…` or `latest`
  std::vector<std::string> aliases;  ///< derived: `/` → `__`, and `-` if different
};
ServiceName service_name(const ImageName& image);

/// Splits an `alias` string at spaces and commas.
std::vector<std::string> split_aliases(std::string_view text);

/// Slash-aware glob of the allow-lists: `*` and `?` stay within a path element, `**` spans
/// elements, `[set]`, `{a,b}`, `\`.
bool matches_pattern(std::string_view pattern, std::string_view text);

/// True if `dind` is a word of its own in the last path component or the tag: `docker:24.0.5-dind`,
/// `acme/my-dind:1`.
bool is_dind_image(const ImageName& image);

}  // namespace slipway::executors::docker
