#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "local/ci/file_source.hpp"
#include "local/exec/git.hpp"

namespace slipway::local::exec {

/// Other projects' files, fetched by git from where `origin` lies: `group/other` for an origin of
/// `git@host:group/this.git` is `git@host:group/other.git`. Commits go to bare repositories in the
/// cache directory and are fetched once per process. Blocks. Everything throws ci::SourceError.
class Projects {
 public:
  Projects(std::string origin_url, std::filesystem::path cache)
      : origin_url_{std::move(origin_url)}, cache_{std::move(cache)} {}

  /// \param ref  empty: the default branch.
  ci::Origin open(const std::string& path, const std::string& ref);
  /// `host/group/project/name@version`; a version `1`, `1.2` or `~latest` is the newest tag.
  ci::ComponentOrigin open_component(const std::string& address);
  std::optional<std::string> read(const ci::Origin& origin, const std::string& path);
  std::vector<std::string> list(const ci::Origin& origin);

 private:
  ci::Origin open_url(const std::string& path, const std::string& url, const std::string& ref);
  Git repository_of(const std::string& url);

  std::string origin_url_;
  std::filesystem::path cache_;
  std::map<std::string, std::string> urls_;                             ///< by project
  std::map<std::pair<std::string, std::string>, std::string> commits_;  ///< by URL and ref
};

/// Where another project lies: `origin` with its last parts replaced. Empty without an origin.
std::string sibling_url(const std::string& origin, const std::string& project);
/// The host of a remote's URL; empty for a path.
std::string host_of(const std::string& url);
/// The newest of `tags` (`1.2.3`, `v1.2.3`) that `version` (`1`, `1.2`, `~latest`) stands for;
/// pre-releases do not count. Empty: none, or a version that names something itself.
std::string newest_version(const std::vector<std::string>& tags, const std::string& version);

}  // namespace slipway::local::exec
