#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <nlohmann/json.hpp>

#include "local/ci/facts.hpp"

namespace slipway::local::ci {
namespace {

void add(job::Variables& list, std::string key, std::string value, bool is_public = true,
         bool masked = false) {
  job::Variable variable;
  variable.key = std::move(key);
  variable.value = std::move(value);
  variable.is_public = is_public;
  variable.masked = masked;
  list.add(std::move(variable));
}

std::string last_part(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

std::string without_last_part(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? path : path.substr(0, slash);
}

/// Title and the rest of a commit's message.
std::pair<std::string, std::string> split_message(const std::string& message) {
  const auto end = message.find('\n');
  auto title = message.substr(0, end);
  auto rest = end == std::string::npos ? "" : message.substr(end + 1);
  rest.erase(0, std::min(rest.find_first_not_of('\n'), rest.size()));
  return {std::move(title), std::move(rest)};
}

void add_project(const RepositoryFacts& facts, job::Variables& list) {
  const auto& path = facts.project_path;
  const auto space = without_last_part(path);
  const auto url = "@SERVER_URL@/" + path;
  add(list, "CI_PROJECT_ID", "1");
  add(list, "CI_PROJECT_NAME", last_part(path));
  add(list, "CI_PROJECT_TITLE",
      facts.project_title.empty() ? last_part(path) : facts.project_title);
  add(list, "CI_PROJECT_DESCRIPTION", facts.project_description);
  add(list, "CI_PROJECT_PATH", path);
  add(list, "CI_PROJECT_PATH_SLUG", slug(path));
  add(list, "CI_PROJECT_NAMESPACE", space);
  add(list, "CI_PROJECT_NAMESPACE_ID", "1");
  add(list, "CI_PROJECT_NAMESPACE_SLUG", slug(space));
  add(list, "CI_PROJECT_ROOT_NAMESPACE", space.substr(0, space.find('/')));
  add(list, "CI_PROJECT_URL", url);
  add(list, "CI_PROJECT_VISIBILITY", "private");
  add(list, "CI_PROJECT_REPOSITORY_LANGUAGES", "");
  add(list, "CI_PROJECT_CLASSIFICATION_LABEL", "");
  add(list, "CI_PROJECT_TOPICS", "");
  add(list, "CI_DEFAULT_BRANCH", facts.default_branch);
  add(list, "CI_DEFAULT_BRANCH_SLUG", slug(facts.default_branch));
  add(list, "CI_CONFIG_PATH", facts.config_path);
  if (facts.registry.empty()) return;
  add(list, "CI_REGISTRY", facts.registry);
  add(list, "CI_REGISTRY_IMAGE", facts.registry + "/" + path);
}

void add_server(job::Variables& list) {
  add(list, "CI", "true");
  add(list, "GITLAB_CI", "true");
  add(list, "GITLAB_FEATURES", "");
  add(list, "CI_SERVER_URL", "@SERVER_URL@");
  add(list, "CI_SERVER_HOST", "@SERVER_HOST@");
  add(list, "CI_SERVER_FQDN", "@SERVER_AUTHORITY@");
  add(list, "CI_SERVER_PROTOCOL", "@SERVER_SCHEME@");
  add(list, "CI_SERVER_NAME", "slipway");
  add(list, "CI_SERVER_VERSION", SLIPWAY_VERSION);
  add(list, "CI_SERVER_REVISION", "");
  add(list, "CI_API_V4_URL", "@SERVER_URL@/api/v4");
  add(list, "CI_API_GRAPHQL_URL", "@SERVER_URL@/api/graphql");
  add(list, "CI_TEMPLATE_REGISTRY_HOST", "registry.gitlab.com");
}

void add_commit(const RepositoryFacts& facts, job::Variables& list) {
  const auto [title, description] = split_message(facts.commit_message);
  add(list, "CI_COMMIT_SHA", facts.sha);
  add(list, "CI_COMMIT_SHORT_SHA", facts.sha.substr(0, 8));
  add(list, "CI_COMMIT_BEFORE_SHA", facts.before_sha);
  add(list, "CI_COMMIT_REF_NAME", facts.ref);
  add(list, "CI_COMMIT_REF_SLUG", slug(facts.ref));
  if (facts.is_tag) {
    add(list, "CI_COMMIT_TAG", facts.ref);
    add(list, "CI_COMMIT_TAG_MESSAGE", facts.tag_message);
  } else {
    add(list, "CI_COMMIT_BRANCH", facts.ref);
  }
  add(list, "CI_COMMIT_MESSAGE", facts.commit_message);
  add(list, "CI_COMMIT_TITLE", title);
  add(list, "CI_COMMIT_DESCRIPTION", description);
  add(list, "CI_COMMIT_AUTHOR", facts.commit_author);
  add(list, "CI_COMMIT_TIMESTAMP", facts.commit_timestamp);
  add(list, "CI_COMMIT_REF_PROTECTED", facts.ref_protected ? "true" : "false");
}

}  // namespace

std::string slug(std::string_view text) {
  constexpr std::size_t longest = 63;
  std::string result;
  for (const char c : text.substr(0, longest)) {
    const auto byte = static_cast<unsigned char>(c);
    const auto lower = static_cast<char>(byte < 0x80 ? std::tolower(byte) : '-');
    const bool keep = (lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9');
    result += keep ? lower : '-';
  }
  const auto first = result.find_first_not_of('-');
  if (first == std::string::npos) return {};
  return result.substr(first, result.find_last_not_of('-') - first + 1);
}

std::string environment_slug(const std::string& name) {
  constexpr std::size_t longest = 24;
  constexpr std::size_t kept = 17;
  std::string result;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    const auto lower = static_cast<char>(byte < 0x80 ? std::tolower(byte) : '-');
    const bool keep = (lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9');
    // Rows of dashes become one.
    if (keep || result.empty() || result.back() != '-') result += keep ? lower : '-';
  }
  if (result.empty() || result[0] < 'a' || result[0] > 'z') result.insert(0, "env-");
  if (result.size() <= longest && result == name) return result;
  result = result.substr(0, kept);
  if (!result.ends_with('-')) result += '-';
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  EVP_Digest(name.data(), name.size(), digest.data(), &size, EVP_sha256(), nullptr);
  // The last six digits of the hash to the base 36.
  constexpr std::uint64_t modulus = 36ull * 36 * 36 * 36 * 36 * 36;
  std::uint64_t rest = 0;
  for (unsigned int at = 0; at < size; ++at) rest = (rest * 256 + digest.at(at)) % modulus;
  std::string suffix(6, '0');
  for (auto digit = suffix.rbegin(); digit != suffix.rend(); ++digit, rest /= 36)
    *digit = "0123456789abcdefghijklmnopqrstuvwxyz"[rest % 36];
  return result + suffix;
}

job::Variables pipeline_variables(const RepositoryFacts& facts) {
  job::Variables list;
  add_server(list);
  add_project(facts, list);
  add_commit(facts, list);
  add(list, "CI_PIPELINE_ID", std::to_string(facts.pipeline_id));
  add(list, "CI_PIPELINE_IID", std::to_string(facts.pipeline_iid));
  add(list, "CI_PIPELINE_SOURCE", facts.source);
  add(list, "CI_PIPELINE_URL",
      "@SERVER_URL@/" + facts.project_path + "/-/pipelines/" + std::to_string(facts.pipeline_id));
  add(list, "CI_PIPELINE_CREATED_AT", facts.created_at);
  if (facts.source == "trigger") add(list, "CI_PIPELINE_TRIGGERED", "true");
  add(list, "GITLAB_USER_ID", "1");
  add(list, "GITLAB_USER_NAME", facts.user_name);
  add(list, "GITLAB_USER_LOGIN", facts.user_login);
  add(list, "GITLAB_USER_EMAIL", facts.user_email);
  return list;
}

job::Variables job_variables(const RepositoryFacts& facts, const JobFacts& job) {
  job::Variables list;
  const auto url = "@SERVER_URL@/" + facts.project_path;
  add(list, "CI_JOB_ID", "@JOB_ID@");
  add(list, "CI_JOB_URL", url + "/-/jobs/@JOB_ID@");
  add(list, "CI_JOB_TOKEN", "@JOB_TOKEN@", false, true);
  add(list, "CI_BUILD_ID", "@JOB_ID@");
  add(list, "CI_BUILD_TOKEN", "@JOB_TOKEN@", false, true);
  add(list, "CI_REPOSITORY_URL",
      "@SERVER_SCHEME@://gitlab-ci-token:@JOB_TOKEN@@@SERVER_AUTHORITY@/" + facts.project_path +
          ".git",
      false, true);
  add(list, "CI_JOB_NAME", job.name);
  add(list, "CI_JOB_NAME_SLUG", slug(job.name));
  add(list, "CI_JOB_GROUP_NAME", job.group_name);
  add(list, "CI_JOB_STAGE", job.stage);
  if (job.manual) add(list, "CI_JOB_MANUAL", "true");
  if (job.node_index > 0) add(list, "CI_NODE_INDEX", std::to_string(job.node_index));
  add(list, "CI_NODE_TOTAL", std::to_string(job.node_total));
  add(list, "CI_RUNNER_ID", "@RUNNER_ID@");
  add(list, "CI_RUNNER_DESCRIPTION", "@RUNNER_DESCRIPTION@");
  add(list, "CI_RUNNER_TAGS", nlohmann::json(job.tags).dump());
  return list;
}

}  // namespace slipway::local::ci
