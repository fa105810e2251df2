#include "job/git_urls.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "job/text.hpp"

namespace slipway::job {
namespace {

constexpr std::string_view token_user = "gitlab-ci-token";

bool has_scheme(std::string_view url) {
  const auto end = url.find("://");
  return end != std::string_view::npos && end > 0;
}

bool is_http(std::string_view url) {
  return url.starts_with("http://") || url.starts_with("https://");
}

/// Offset of the host's first byte and of the byte after it (userinfo excluded, port included).
struct Authority {
  std::size_t begin;  ///< behind `://`
  std::size_t host;
  std::size_t end;
};

Authority authority_of(std::string_view url) {
  const auto begin = url.find("://") + 3;
  const auto end = std::min(url.find_first_of("/?#", begin), url.size());
  const auto at = url.substr(begin, end - begin).rfind('@');
  return {begin, at == std::string_view::npos ? begin : begin + at + 1, end};
}

/// `scheme://host[:port]`, "" for what has no scheme.
std::string server_of(std::string_view url) {
  if (!has_scheme(url)) return "";
  const auto authority = authority_of(url);
  return fmt::format("{}{}", url.substr(0, authority.begin),
                     url.substr(authority.host, authority.end - authority.host));
}

/// Without port, brackets of IPv6 included.
std::string host_name_of(std::string_view url) {
  if (!has_scheme(url)) return "";
  const auto authority = authority_of(url);
  const auto host = url.substr(authority.host, authority.end - authority.host);
  const auto bracket = host.rfind(']');
  const auto colon = host.find(':', bracket == std::string_view::npos ? 0 : bracket);
  return std::string{host.substr(0, colon)};
}

/// What may not stand in the userinfo of a URL is percent-encoded.
std::string encoded(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (is_name_character(c) || c == '-' || c == '.' || c == '~')
      result += c;
    else
      result += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return result;
}

std::string with_user(std::string_view url, std::string_view userinfo) {
  const auto authority = authority_of(url);
  return fmt::format("{}{}@{}", url.substr(0, authority.begin), userinfo,
                     url.substr(authority.host));
}

std::string without_trailing_slashes(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  return url;
}

/// Collects what is not there yet.
template <class T>
void add_new(std::vector<T>& list, T value) {
  if (std::find(list.begin(), list.end(), value) == list.end()) list.push_back(std::move(value));
}

class Addresses {
 public:
  explicit Addresses(const GitUrlInput& input)
      : input_{input},
        has_clone_url_{has_scheme(input.clone_url)},
        userinfo_{fmt::format("{}:{}", token_user, encoded(input.token))} {
    base_ = without_trailing_slashes(
        without_credentials(has_clone_url_ ? input.clone_url : input.runner_url));
    if (base_.empty()) base_ = server_of(input.repo_url);
  }

  GitUrls take() {
    remote_with_credentials_ = has_clone_url_ ? clone_address() : input_.repo_url;
    result_.remote = without_credentials(remote_with_credentials_);
    add_servers();
    if (is_http(base_)) add_rules();
    return std::move(result_);
  }

 private:
  std::string clone_address() const {
    const auto url = fmt::format("{}/{}.git", base_, input_.project_path);
    if (is_http(url)) return input_.token.empty() ? url : with_user(url, userinfo_);
    if (!url.starts_with("ssh://")) return url;
    const auto configured = authority_of(input_.clone_url);
    const auto user = input_.clone_url.substr(configured.begin, configured.host - configured.begin);
    return with_user(url, user.empty() ? "git" : user.substr(0, user.find_first_of(":@")));
  }

  void add_servers() {
    for (const auto& url : {result_.remote, base_}) {
      if (!is_http(url)) continue;
      add_new(result_.origins, server_of(url));
    }
    for (const auto& url : {input_.runner_url, result_.remote}) {
      if (!url.starts_with("https://")) continue;
      const bool same_host = host_name_of(url) == host_name_of(input_.runner_url);
      if (same_host || !has_clone_url_) add_new(result_.tls_origins, server_of(url));
    }
  }

  void add_rule(std::string replacement, std::string url) {
    if (replacement != url) add_new(result_.rules, {std::move(replacement), std::move(url)});
  }

  void add_rules() {
    std::string base_with_credentials = base_;
    if (input_.tokens_in_urls) {
      if (!input_.token.empty()) base_with_credentials = with_user(base_, userinfo_);
      if (is_http(result_.remote)) add_rule(remote_with_credentials_, result_.remote);
      add_rule(base_with_credentials + "/", base_ + "/");
      if (is_http(input_.repo_url))
        add_rule(url_origin(input_.repo_url) + "/", server_of(input_.repo_url) + "/");
    }
    if (!input_.force_https || input_.ssh_host.empty()) return;
    const auto replacement = base_with_credentials + "/";
    if (input_.ssh_port.empty() || input_.ssh_port == "22") {
      add_rule(replacement, fmt::format("git@{}:", input_.ssh_host));
      add_rule(replacement, fmt::format("ssh://git@{}/", input_.ssh_host));
    } else {
      add_rule(replacement, fmt::format("ssh://git@{}:{}/", input_.ssh_host, input_.ssh_port));
    }
  }

  const GitUrlInput& input_;
  bool has_clone_url_;
  std::string userinfo_;
  std::string base_;  ///< without credentials and trailing slashes
  std::string remote_with_credentials_;
  GitUrls result_;
};

}  // namespace

GitUrls git_urls(const GitUrlInput& input) {
  return Addresses{input}.take();
}

std::string url_origin(std::string_view url) {
  if (!has_scheme(url)) return "";
  return std::string{url.substr(0, authority_of(url).end)};
}

std::string without_credentials(std::string_view url) {
  if (!has_scheme(url)) return std::string{url};
  const auto authority = authority_of(url);
  auto user = url.substr(authority.begin, authority.host - authority.begin);
  user = url.starts_with("ssh://") ? user.substr(0, user.find_first_of(":@")) : "";
  return fmt::format("{}{}{}{}", url.substr(0, authority.begin), user, user.empty() ? "" : "@",
                     url.substr(authority.host));
}

}  // namespace slipway::job
