#pragma once

#include "job/variables.hpp"
#include "local/ci/context.hpp"
#include "local/ci/file_source.hpp"
#include "local/ci/inputs.hpp"
#include "local/ci/rules.hpp"
#include "local/yaml/node.hpp"

namespace slipway::local::ci {

/// Reads files and all that they include, and merges them into one tree without `include`. One per
/// pipeline; what it refers to must outlive it.
class Includer {
 public:
  /// `variables` are those known before the configuration is.
  Includer(FileSource& files, RuleJudge& judge, const job::Variables& variables, Notes& notes)
      : files_{files}, judge_{judge}, variables_{variables}, notes_{notes} {}

  /// The repository's own file. \throws yaml::Error.
  yaml::NodePtr load_root(const std::string& path, const InputValues& inputs);
  /// What an `include` of `trigger` names, as the whole of a child pipeline. \throws yaml::Error.
  yaml::NodePtr load_child(const yaml::NodePtr& include, const yaml::NodePtr& inputs);

 private:
  /// Where the file lies whose includes are read.
  struct Place {
    Origin origin;
    bool remote = false;  ///< behind a URL: nothing lies beside it
  };
  /// One file that an include names.
  struct Target {
    Place place;
    std::string name;  ///< in error texts and for finding circles
    std::string text;
  };

  yaml::NodePtr expand(const yaml::NodePtr& root, const Place& place);
  yaml::Mapping include_all(const yaml::NodePtr& include, const std::string& path,
                            const Place& place, const yaml::NodePtr& shared_inputs,
                            bool of_trigger);
  yaml::NodePtr load(Target target, const InputValues& inputs, const yaml::Mark& mark);

  bool wanted(const class Field& item, const Place& place);
  std::vector<Target> targets_of(const Field& item, const Place& place, bool of_trigger);
  std::vector<Target> local_targets(const Field& field, const Place& place);
  std::vector<Target> project_targets(const Field& item);
  Target remote_target(const Field& field, const std::string& integrity);
  Target component_target(const Field& field);
  Target read_in(const Field& field, const Origin& origin, std::string path);
  std::string expanded(const Field& field);
  InputValues inputs_of(const Field& item);

  FileSource& files_;
  RuleJudge& judge_;
  const job::Variables& variables_;
  Notes& notes_;
  std::vector<std::string> chain_;  ///< the files being read, each including the next
  std::size_t count_ = 0;
};

}  // namespace slipway::local::ci
