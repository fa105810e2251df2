#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "job/variables.hpp"

namespace slipway::local::ci {

/// What is known of the repository and of the pipeline to be made from it. Plain data; whoever asks
/// git fills it in. A text that is not known stays empty.
struct RepositoryFacts {
  std::string project_path = "local/project";  ///< `group/name`
  std::string project_title;                   ///< empty: the last part of the path
  std::string project_description;
  std::string default_branch = "main";

  std::string sha = "0000000000000000000000000000000000000000";
  std::string before_sha = "0000000000000000000000000000000000000000";
  std::string ref = "main";  ///< branch or tag
  bool is_tag = false;
  bool ref_protected = true;
  std::string tag_message;
  std::string commit_message;    ///< whole, with its title
  std::string commit_author;     ///< `Name <mail>`
  std::string commit_timestamp;  ///< ISO 8601

  std::string config_path = ".gitlab-ci.yml";
  std::string source = "push";  ///< CI_PIPELINE_SOURCE
  std::int64_t pipeline_id = 1;
  std::int64_t pipeline_iid = 1;
  std::string created_at;  ///< ISO 8601, UTC

  std::string user_name;
  std::string user_login;
  std::string user_email;

  std::string registry;  ///< `registry.example.org`; empty: none
};

/// Variables of the whole pipeline, as GitLab predefines them. What only the coordinator knows are
/// its placeholders (`@SERVER_URL@`, see JobBuilder).
job::Variables pipeline_variables(const RepositoryFacts& facts);

/// What a job adds to them.
struct JobFacts {
  std::string name;
  std::string group_name;  ///< the name without what `parallel` adds
  std::string stage;
  bool manual = false;
  int node_index = 0;  ///< from 1; 0: not parallel
  int node_total = 1;
  std::vector<std::string> tags;
};
job::Variables job_variables(const RepositoryFacts& facts, const JobFacts& job);

/// A text as part of a host name, as GitLab's *_SLUG variables are: lower case, `-` for all but
/// letters and digits, at most 63 characters, no `-` at either end.
std::string slug(std::string_view text);
/// CI_ENVIRONMENT_SLUG: at most 24 characters, a part of the name's hash where it had to be
/// changed.
std::string environment_slug(const std::string& name);

}  // namespace slipway::local::ci
