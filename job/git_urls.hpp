#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway::job {

/// What the addresses of a job's repository are made from.
struct GitUrlInput {
  std::string repo_url;        ///< of the payload, with credentials
  std::string clone_url;       ///< of the configuration; "" or without a scheme = not set
  std::string runner_url;      ///< of the configuration
  std::string project_path;    ///< `group/project`
  std::string token;           ///< of the job
  bool tokens_in_urls = true;  ///< false: FF_GIT_URLS_WITHOUT_TOKENS
  bool force_https = false;    ///< GIT_SUBMODULE_FORCE_HTTPS
  std::string ssh_host;        ///< whose ssh URLs become https with force_https, "" = none
  std::string ssh_port;        ///< "" or 22 = the default
};

/// The addresses of a job's repository for git.
struct GitUrls {
  std::string remote;  ///< of `origin`; without credentials, but with the user of an ssh URL
  /// `url.<first>.insteadOf = <second>`, without doubles. The first holds credentials. Rules for
  /// a whole host end in `/`: without it `https://git.example` would also stand for
  /// `https://git.example.evil.net` and hand the token to it.
  std::vector<std::pair<std::string, std::string>> rules;
  /// `scheme://host[:port]` of the servers that take the job's token: what a credential helper is
  /// set up for when no URL holds it.
  std::vector<std::string> origins;
  /// The servers whose certificate the runner's own CA file vouches for.
  std::vector<std::string> tls_origins;
};

GitUrls git_urls(const GitUrlInput& input);

/// `scheme://[user@]host[:port]` of an absolute URL, "" if it has none.
std::string url_origin(std::string_view url);

/// The URL without `user:password@`; that of ssh keeps its user.
std::string without_credentials(std::string_view url);

}  // namespace slipway::job
