#include "helper/sources/git_config.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <utility>

#include "helper/sources/process.hpp"

namespace slipway::helper {
namespace {

/// A credential helper for git to run in a shell.
constexpr std::string_view token_helper =
    "!f() { if [ \"$1\" = get ]; then echo \"password=$CI_JOB_TOKEN\"; fi; }; f";

}  // namespace

std::string section_header(std::string_view section, std::string_view subsection) {
  std::string result{'['};
  result += section;
  if (!subsection.empty()) {
    result += " \"";
    for (const char c : subsection) {
      if (c == '\n' || c == '\0')
        throw StageFailure{1, "a URL for the git configuration holds a line break or NUL"};
      if (c == '"' || c == '\\') result += '\\';
      result += c;
    }
    result += '"';
  }
  result += "]\n";
  return result;
}

std::string assignment(std::string_view key, std::string_view value) {
  auto result = fmt::format("\t{} = \"", key);
  for (const char c : value) {
    switch (c) {
      case '\0':
        throw StageFailure{1, "a value for the git configuration holds a NUL"};
      case '"':
        result += "\\\"";
        break;
      case '\\':
        result += "\\\\";
        break;
      case '\n':
        result += "\\n";
        break;
      case '\t':
        result += "\\t";
        break;
      case '\b':
        result += "\\b";
        break;
      default:
        result += c;
    }
  }
  result += "\"\n";
  return result;
}

std::string template_config(std::string_view external_config_path) {
  return section_header("init") + assignment("defaultBranch", "none") + section_header("fetch") +
         assignment("recurseSubmodules", "false") + section_header("credential") +
         assignment("interactive", "never") + section_header("gc") +
         assignment("autoDetach", "false") + section_header("include") +
         assignment("path", external_config_path);
}

std::string origin_section(std::string_view url) {
  return section_header("remote", "origin") + assignment("url", url) +
         assignment("fetch", "+refs/heads/*:refs/remotes/origin/*");
}

std::string tls_sections(const job::GetSourcesParameters& parameters) {
  const std::pair<const char*, const std::string&> files[] = {
      {"sslCAInfo", parameters.ca_file},
      {"sslCert", parameters.certificate_file},
      {"sslKey", parameters.key_file},
  };
  std::string keys;
  for (const auto& [key, path] : files)
    if (!path.empty()) keys += assignment(key, path);
  std::string text;
  if (keys.empty()) return text;
  for (const auto& origin : parameters.tls_origins) text += section_header("http", origin) + keys;
  return text;
}

std::string external_config(const job::GetSourcesParameters& parameters) {
  std::string text;
  if (!parameters.correlation_id.empty())
    text += section_header("http") +
            assignment("extraHeader", "X-Gitaly-Correlation-ID: " + parameters.correlation_id);
  if (parameters.bundle_uris) text += section_header("transfer") + assignment("bundleURI", "true");
  text += tls_sections(parameters);
  for (const auto& [replacement, url] : parameters.url_rules)
    text += section_header("url", replacement) + assignment("insteadOf", url);
  for (const auto& origin : parameters.credential_origins)
    // The empty helper takes those of other files out of force: none is to store the token.
    text += section_header("credential", origin) + assignment("helper", "") +
            assignment("helper", token_helper) + assignment("username", "gitlab-ci-token");
  return text;
}

std::string global_seed(std::string_view home, std::string_view external_config_path) {
  std::string text;
  const auto include = [&text](const std::string& path) {
    text += section_header("include") + assignment("path", path);
  };
  for (const auto* name : {"/.gitconfig", "/.config/git/config"}) {
    const auto path = std::string{home} + name;
    // git refuses to work with a file that it may not read.
    if (!home.empty() && ::access(path.c_str(), R_OK) == 0) include(path);
  }
  include(std::string{external_config_path});
  return text;
}

}  // namespace slipway::helper
