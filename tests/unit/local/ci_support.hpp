#pragma once

#include <gmock/gmock.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "local/ci/error.hpp"
#include "local/ci/pipeline.hpp"

namespace slipway::local::ci {

/// A repository, other projects and the rest of the world, in memory.
class MemoryFiles : public FileSource {
 public:
  std::map<std::string, std::string> files;                            ///< of the repository
  std::map<std::string, std::map<std::string, std::string>> projects;  ///< by `path@ref`
  std::map<std::string, std::string> urls;
  std::map<std::string, std::string> templates;
  std::map<std::string, std::string> artifacts;  ///< by `job:path`

  std::optional<std::string> read(const Origin& origin, const std::string& path) override {
    const auto& tree = tree_of(origin);
    const auto found = tree.find(path);
    if (found == tree.end()) return std::nullopt;
    return found->second;
  }
  const std::vector<std::string>& list(const Origin& origin) override {
    list_.clear();
    for (const auto& [path, text] : tree_of(origin)) list_.push_back(path);
    return list_;
  }
  std::string fetch(const std::string& url) override { return get(urls, url); }
  Origin open_project(const std::string& path, const std::string& ref) override {
    const Origin origin{path, ref.empty() ? "HEAD" : ref};
    tree_of(origin);
    return origin;
  }
  ComponentOrigin open_component(const std::string& address) override {
    const auto at = address.rfind('@');
    const auto slash = address.rfind('/', at);
    const auto host = address.find('/');
    const auto project = address.substr(host + 1, slash - host - 1);
    return {open_project(project, address.substr(at + 1)),
            address.substr(slash + 1, at - slash - 1)};
  }
  std::string read_template(const std::string& name) override { return get(templates, name); }
  std::string read_artifact(const std::string& job, const std::string& path) override {
    return get(artifacts, job + ":" + path);
  }

 private:
  static std::string get(const std::map<std::string, std::string>& from, const std::string& key) {
    const auto found = from.find(key);
    if (found == from.end()) throw SourceError{"'" + key + "' cannot be reached without a network"};
    return found->second;
  }
  const std::map<std::string, std::string>& tree_of(const Origin& origin) {
    if (origin.is_repository()) return files;
    const auto found = projects.find(origin.project + "@" + origin.ref);
    if (found == projects.end())
      throw SourceError{"project '" + origin.project + "' has no ref '" + origin.ref + "' here"};
    return found->second;
  }

  std::vector<std::string> list_;
};

class MemoryHistory : public History {
 public:
  std::optional<std::vector<std::string>> changed;
  std::map<std::string, std::vector<std::string>> changed_since;
  std::map<std::string, std::string> commits;

  std::optional<std::vector<std::string>> changed_files(
      const std::optional<std::string>& compare_to) override {
    if (!compare_to) return changed;
    const auto found = changed_since.find(*compare_to);
    if (found == changed_since.end()) throw SourceError{"'" + *compare_to + "' is no ref"};
    return found->second;
  }
  std::optional<std::string> last_commit_of(const std::string& path) override {
    const auto found = commits.find(path);
    if (found == commits.end()) return std::nullopt;
    return found->second;
  }
};

/// A configuration in memory and what becomes of it.
struct World {
  MemoryFiles files;
  MemoryHistory history;
  CompileOptions options;

  World() = default;
  explicit World(std::string text) { files.files[".gitlab-ci.yml"] = std::move(text); }

  void variable(std::string key, std::string value) {
    job::Variable variable;
    variable.key = std::move(key);
    variable.value = std::move(value);
    options.user_variables.add(std::move(variable));
  }
  Pipeline compile() { return ci::compile(files, history, options); }
  /// The error's text, or "" if there is none.
  std::string error() {
    try {
      compile();
    } catch (const ConfigError& error) {
      return error.what();
    }
    return {};
  }
};

inline Pipeline compile_text(std::string text) {
  return World{std::move(text)}.compile();
}

/// The names of the jobs in the pipeline, in order.
inline std::vector<std::string> names(const Pipeline& pipeline) {
  std::vector<std::string> result;
  for (const auto& job : pipeline.jobs) result.push_back(job.name);
  return result;
}

}  // namespace slipway::local::ci
