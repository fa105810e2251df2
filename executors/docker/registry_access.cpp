#include "executors/docker/registry_access.hpp"

#include <fmt/format.h>
#include <pwd.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "executors/docker/credential_helper.hpp"
#include "job/failure.hpp"

namespace slipway::executors::docker {

namespace {

using job::Failure;
using job::FailureReason;

constexpr auto variable_source = "$DOCKER_AUTH_CONFIG";
constexpr auto payload_source = "job payload (GitLab Registry)";
constexpr std::size_t max_config = 1u << 20;
constexpr std::size_t shortest_hidden = 8;

/// nullopt if it cannot be read or is too large.
std::optional<std::string> read_bounded(const std::filesystem::path& path) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) return std::nullopt;
  std::ifstream file{path, std::ios::binary};
  std::string text(max_config + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (file.bad() || text.size() > max_config) return std::nullopt;
  return text;
}

}  // namespace

std::string home_directory() {
  const auto* home = std::getenv("HOME");
  if (home != nullptr && *home != '\0') return home;
  const auto* user = ::getpwuid(::geteuid());
  return user != nullptr && user->pw_dir != nullptr ? user->pw_dir : "";
}

void hide(const docker_api::RegistryAuth& auth, JobLog& log) {
  const auto add = [&](const std::string& value) {
    if (value.size() >= shortest_hidden) log.add_masked_value(value);
  };
  const auto& password = auth.password.reveal();
  add(password);
  add(auth.identity_token.reveal());
  add(auth.registry_token.reveal());
  if (!password.empty()) add(docker_api::encode_base64(auth.username + ":" + password));
  add(docker_api::registry_auth_header(auth).reveal());
}

RegistryAccess::RegistryAccess(asio::any_io_executor executor, RegistryPlan plan)
    : plan_{std::move(plan)}, mutex_{std::move(executor)} {}

asio::awaitable<std::optional<RegistryAccess::Credential>> RegistryAccess::find(std::string image,
                                                                                JobLog& log) {
  const auto lock = co_await mutex_.lock();
  if (!loaded_) co_await load(log);
  if (!refused_.empty()) throw Failure{FailureReason::runner_configuration_error, refused_};
  std::optional<Credential> found;
  for (const auto& path : registry_paths_of_image(image)) {
    co_await look_up(path, log, found);
    if (found) break;
  }
  co_return found;
}

asio::awaitable<void> RegistryAccess::load(JobLog& log) {
  sources_.clear();
  const auto& variable = plan_.auth_config.reveal();
  if (variable.size() > max_config)
    tell({variable_source, true, {}, {}}, fmt::format("it is larger than {} bytes", max_config),
         log);
  else if (!variable.empty())
    parse(variable_source, true, variable, &log);
  read_file();
  for (auto source = sources_.begin(); source != sources_.end();) {
    std::string problem;
    std::vector<std::string> stored;
    const auto store = source->config.store;
    try {
      if (!store.empty()) stored = co_await list_credentials(store);
    } catch (const HelperError& error) {
      problem = error.what();
    }
    if (!problem.empty()) {
      tell(*source, problem, log);
      source = sources_.erase(source);
      continue;
    }
    source->entries = source->config.entries(stored);
    ++source;
  }
  take_payload();
  loaded_ = true;
}

void RegistryAccess::parse(std::string name, bool told, std::string_view text, JobLog* log) {
  Source source{std::move(name), told, {}, {}};
  try {
    source.config = parse_client_config(text);
    sources_.push_back(std::move(source));
  } catch (const PathTraversal& error) {
    refused_ = fmt::format("{}: {}", source.name, error.what());
  } catch (const BadClientConfig& error) {
    if (log != nullptr)
      tell(source, error.what(), *log);
    else
      spdlog::debug("{} is not used: {}", source.name, error.what());
  }
}

void RegistryAccess::read_file() {
  for (const auto& home : plan_.homes)
    for (const char* name : {"/.docker/config.json", "/.dockercfg"}) {
      const auto path = home + name;
      const auto text = read_bounded(path);
      if (!text) continue;
      parse(path, false, *text, nullptr);
      return;
    }
}

void RegistryAccess::take_payload() {
  Source source{payload_source, false, {}, {}};
  for (const auto& credential : plan_.credentials) {
    RegistryEntry entry{credential.url, {}, ""};
    entry.auth.username = credential.username;
    entry.auth.password = credential.password;
    entry.auth.server_address = credential.url;
    source.entries.emplace(registry_path_of_key(credential.url), std::move(entry));
  }
  sources_.push_back(std::move(source));
}

asio::awaitable<void> RegistryAccess::look_up(const std::string& path, JobLog& log,
                                              std::optional<Credential>& found) {
  for (auto source = sources_.begin(); source != sources_.end();) {
    const auto known = source->entries.find(path);
    if (known == source->entries.end()) {
      ++source;
      continue;
    }
    auto& entry = known->second;
    const auto problem = co_await ask_helper(entry);
    if (!problem.empty()) {
      tell(*source, problem, log);
      source = sources_.erase(source);
      continue;
    }
    if (!entry.auth.anonymous()) {
      found = Credential{entry.auth, source->name};
      co_return;
    }
    ++source;
  }
}

/// Fills the entry in, once. What went wrong; "" = nothing.
asio::awaitable<std::string> RegistryAccess::ask_helper(RegistryEntry& entry) {
  if (entry.helper.empty()) co_return "";
  try {
    entry.auth = co_await get_credentials(entry.helper, entry.key);
  } catch (const HelperError& error) {
    co_return error.what();
  }
  entry.helper.clear();
  co_return "";
}

void RegistryAccess::tell(const Source& source, const std::string& problem, JobLog& log) {
  if (source.told)
    log.warning(
        fmt::format("Failed to resolve credentials from {}: {}. Credentials from this source will "
                    "not be used.",
                    source.name, problem));
  else
    spdlog::debug("credentials from {} are not used: {}", source.name, problem);
}

}  // namespace slipway::executors::docker
