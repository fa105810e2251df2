#include "config/paths.hpp"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string_view>

namespace slipway::config {

namespace {

constexpr std::string_view foreign_name = "gitlab-runner";

std::string name_of(const Identity& identity) {
  return identity.program == foreign_name ? std::string{foreign_name} : "slipway";
}

std::string config_dir(const std::string& name, const Identity& identity) {
  if (identity.uid == 0) return "/etc/" + name;
  return identity.home.empty() ? "." : fmt::format("{}/.{}", identity.home, name);
}

/// Host of a URL, without userinfo and port.
std::string host_of(std::string_view url) {
  const auto scheme = url.find("://");
  if (scheme == std::string_view::npos) return "";
  url.remove_prefix(scheme + 3);
  url = url.substr(0, url.find_first_of("/?#"));
  if (const auto at = url.rfind('@'); at != std::string_view::npos) url.remove_prefix(at + 1);
  if (url.starts_with('[')) return std::string{url.substr(1, url.find(']') - 1)};
  return std::string{url.substr(0, url.find(':'))};
}

}  // namespace

Identity Identity::current(const std::string& argv0) {
  Identity identity{std::filesystem::path{argv0}.filename().string(), ::geteuid(), ""};
  if (const auto* home = std::getenv("HOME"); home && *home)
    identity.home = home;
  else if (const auto* entry = ::getpwuid(identity.uid); entry && entry->pw_dir)
    identity.home = entry->pw_dir;
  return identity;
}

Paths default_paths(const Identity& identity) {
  const auto directory = config_dir(name_of(identity), identity);
  return {directory + "/config.toml", directory + "/certs",
          identity.uid == 0 ? "/var/lib/slipway" : directory + "/state"};
}

std::string foreign_config_hint(const Identity& identity,
                                const std::function<bool(const std::string&)>& exists) {
  if (name_of(identity) == foreign_name) return "";
  const auto own = default_paths(identity).config_file;
  const auto foreign = config_dir(std::string{foreign_name}, identity) + "/config.toml";
  if (exists(own) || !exists(foreign)) return "";
  return fmt::format(
      "{} does not exist, but GitLab Runner's {} does. To use that file, pass --config {} or run "
      "this program under the name {}; to start afresh, register a runner.",
      own, foreign, foreign, foreign_name);
}

TlsPaths tls_paths(const Runner& runner, const std::string& certs_dir,
                   const std::function<bool(const std::string&)>& exists) {
  const auto host = host_of(runner.url);
  // A host is no path; one that looks like a path must not lead elsewhere.
  const bool usable = !host.empty() && host.find('/') == std::string::npos && host[0] != '.';
  const auto pick = [&](const std::string& configured, std::string_view suffix) {
    if (!configured.empty() || !usable) return configured;
    const auto path = fmt::format("{}/{}{}", certs_dir, host, suffix);
    return exists(path) ? path : std::string{};
  };
  return {pick(runner.tls_ca_file, ".crt"), pick(runner.tls_cert_file, ".auth.crt"),
          pick(runner.tls_key_file, ".auth.key")};
}

bool file_exists(const std::string& path) {
  std::error_code error;
  return std::filesystem::exists(path, error);
}

}  // namespace slipway::config
