#include "helper/sources/git_config.hpp"

#include <fmt/format.h>

#include "helper/sources/process.hpp"

namespace slipway::helper {
namespace {

/// A rule by which git replaces the front of a URL.
std::string instead_of(std::string_view with_credentials, std::string_view without) {
  return section_header("url", with_credentials) + assignment("insteadOf", without);
}

bool is_http(std::string_view url) {
  return url.starts_with("http://") || url.starts_with("https://");
}

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

std::string url_origin(std::string_view url) {
  const auto scheme = url.find("://");
  if (scheme == std::string_view::npos || scheme == 0) return "";
  return std::string{url.substr(0, url.find_first_of("/?#", scheme + 3))};
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

std::string external_config(const job::GetSourcesParameters& parameters) {
  std::string text;
  if (!parameters.correlation_id.empty())
    text += section_header("http") +
            assignment("extraHeader", "X-Gitaly-Correlation-ID: " + parameters.correlation_id);
  text += section_header("transfer") + assignment("bundleURI", "true");
  const auto& plain = parameters.remote_url;
  const auto& authenticated = parameters.authenticated_url;
  const auto origin = url_origin(plain);
  if (!parameters.ca_file.empty() && plain.starts_with("https://"))
    text += section_header("http", origin) + assignment("sslCAInfo", parameters.ca_file);
  if (authenticated.empty() || authenticated == plain || !is_http(plain)) return text;
  text += instead_of(authenticated, plain);
  if (is_http(authenticated)) text += instead_of(url_origin(authenticated) + "/", origin + "/");
  return text;
}

}  // namespace slipway::helper
