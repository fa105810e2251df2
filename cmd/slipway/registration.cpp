#include "cmd/slipway/registration.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <exception>
#include <utility>
#include <vector>

#include "cmd/slipway/config_file.hpp"
#include "cmd/slipway/coordinator_call.hpp"
#include "cmd/slipway/executor_names.hpp"
#include "cmd/slipway/fatal.hpp"
#include "cmd/slipway/go_style.hpp"
#include "cmd/slipway/log_format.hpp"
#include "config/edit.hpp"
#include "config/edit_keys.hpp"
#include "config/load.hpp"
#include "config/template.hpp"
#include "job/job.hpp"

namespace slipway::cmd {

namespace {

using gitlab_api::Status;

constexpr std::string_view settings_prefix = "runners.";

std::string now_text() {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
}

std::string short_form(const std::string& token) {
  return log_value(job::short_token(token));
}

std::string joined(const std::vector<std::string>& words) {
  if (words.size() < 2) return words.empty() ? "" : words.front();
  return fmt::format("{} and {}", fmt::join(words.begin(), words.end() - 1, ", "), words.back());
}

void check_readable(const std::string& path, std::string_view flag) {
  if (!path.empty() && ::access(path.c_str(), R_OK) != 0)
    throw panic(fmt::format("--{}: {} cannot be read", flag, path));
}

/// The server settings that were given a value of their own.
std::vector<std::string> given_server_options(const RegisterOptions& options) {
  std::vector<std::string> given;
  const auto note = [&](bool is_given, const char* flag) {
    if (is_given) given.emplace_back(flag);
  };
  note(!options.locked, "--locked");
  note(!options.access_level.empty(), "--access-level");
  note(options.run_untagged, "--run-untagged");
  note(options.maximum_timeout != 0, "--maximum-timeout");
  note(options.paused, "--paused");
  note(!options.tag_list.empty(), "--tag-list");
  note(!options.maintenance_note.empty(), "--maintenance-note");
  return given;
}

constexpr auto server_options_text =
    "--locked, --access-level, --run-untagged, --maximum-timeout, --paused, --tag-list and "
    "--maintenance-note are settings of the server: a runner with an authentication token (glrt-) "
    "has them from where it was created, in GitLab under Settings > CI/CD > Runners";

}  // namespace

Registration::Registration(const Context& context, RegisterOptions options,
                           config::RunnerEntry entry)
    : context_{context},
      options_{std::move(options)},
      entry_{std::move(entry)},
      prompt_{interruption_} {}

std::string Registration::text(std::string_view key) const {
  const auto* value = entry_.find(key);
  const auto* found = value ? std::get_if<std::string>(value) : nullptr;
  return found ? *found : "";
}

void Registration::run() {
  check_options();
  try {
    config_ = load_config(context_, options_.config_path);
  } catch (const config::ConfigError& error) {
    throw panic(error.what());
  }
  log_mode(context_, ModeHint::jobs_need_a_process);
  system_id_ = system_id(options_.config_path);
  try {
    take_template();
    if (options_.non_interactive)
      check_complete();
    else
      options_.url = prompt_.ask(
          "Enter the GitLab instance URL (for example, https://gitlab.com/):", options_.url,
          Empty::refused);
    settle_token();
    enrol();
    ask_executor();
    ask_image();
    keep_tables_of_executor();
    warn_of_limits();
    save();
  } catch (const Interrupted& error) {
    undo();
    throw Fatal{error.what()};
  } catch (...) {
    undo();
    throw;
  }
}

void Registration::check_options() const {
  const auto& level = options_.access_level;
  if (!level.empty() && level != "not_protected" && level != "ref_protected")
    throw panic(fmt::format(
        "Given access-level is not valid: \"{}\". Supported values: not_protected, ref_protected",
        level));
  check_readable(text("tls-ca-file"), "tls-ca-file");
  check_readable(text("tls-cert-file"), "tls-cert-file");
  check_readable(text("tls-key-file"), "tls-key-file");
  check_settings();
}

/// A key or value that is no good is told before anything happens.
void Registration::check_settings() const {
  auto text = config::with_runner_appended("", entry_);
  for (const auto& setting : options_.settings) {
    const auto equals = setting.find('=');
    if (!setting.starts_with(settings_prefix) || equals == std::string::npos)
      throw UsageError{
          fmt::format("invalid value \"{}\" for -set: expected runners.key=value, as in "
                      "runners.docker.shm_size=300000",
                      setting.substr(0, 128))};
    const auto key = setting.substr(settings_prefix.size(), equals - settings_prefix.size());
    try {
      config::check_runner_key(key);
      text = config::with_runner_key(text, 0, key, setting.substr(equals + 1));
      config::parse(text, "--set " + setting, config::process_environment());
    } catch (const std::exception& error) {
      throw UsageError{error.what()};
    }
  }
}

/// Everything that would be asked for, before the first call.
void Registration::check_complete() const {
  std::vector<std::string> missing;
  if (options_.url.empty()) missing.emplace_back("url");
  if (options_.token.empty() && options_.registration_token.empty())
    missing.emplace_back("registration-token");
  if (options_.name.empty()) missing.emplace_back("name");
  if (options_.executor.empty()) missing.emplace_back("executor");
  if (options_.executor.starts_with("docker") && text("docker.image").empty())
    missing.emplace_back("docker-image");
  if (!missing.empty())
    throw panic(fmt::format("The {} {} to be entered", joined(missing),
                            missing.size() == 1 ? "needs" : "need"));
  if (!is_executor(options_.executor))
    throw panic(fmt::format("Invalid executor specified: \"{}\"; known: {}", options_.executor,
                            executor_names()));
  if (const auto why = unsupported_executor(options_.executor); !why.empty()) throw panic(why);
}

/// A `glrt-` token given as registration token is an authentication token.
void Registration::settle_token() {
  auto& typed = options_.registration_token;
  if (options_.token.empty() && typed.empty())
    typed = prompt_.ask("Enter the registration token:", "", Empty::refused);
  if (!options_.token.empty()) {
    if (created_in_ui()) check_server_options();
    return;
  }
  if (!typed.starts_with("glrt-")) return;
  options_.token = std::exchange(typed, "");
  if (const auto given = given_server_options(options_); !given.empty())
    spdlog::warn("{}. Ignored: {}", server_options_text, joined(given));
}

void Registration::check_server_options() const {
  const auto given = given_server_options(options_);
  if (given.empty()) return;
  if (!options_.ignore_server_options)
    throw Fatal{
        fmt::format("{} cannot be used with this token. {}. Leave them out, or add "
                    "--ignore-server-options",
                    joined(given), server_options_text)};
  spdlog::warn("{}. Ignored: {}", server_options_text, joined(given));
}

void Registration::enrol() {
  if (options_.token.empty())
    register_with_registration_token();
  else
    verify_authentication_token();
}

void Registration::ask_server_settings() {
  if (options_.non_interactive) return;
  options_.name = prompt_.ask("Enter a description for the runner:", options_.name, Empty::refused);
  options_.tag_list = prompt_.ask("Enter tags for the runner (comma-separated):", options_.tag_list,
                                  Empty::allowed);
  options_.maintenance_note = prompt_.ask(
      "Enter optional maintenance note for the runner:", options_.maintenance_note, Empty::allowed);
}

gitlab_api::ClientOptions Registration::client() const {
  config::Runner runner;
  runner.url = options_.url;
  runner.token = util::Secret{options_.token};
  runner.tls_ca_file = text("tls-ca-file");
  runner.tls_cert_file = text("tls-cert-file");
  runner.tls_key_file = text("tls-key-file");
  return client_options(runner, context_, system_id_);
}

void Registration::register_with_registration_token() {
  ask_server_settings();
  spdlog::warn(
      "Registration tokens are deprecated: create the runner in GitLab and pass its "
      "authentication token with --token");
  gitlab_api::RegisterParameters parameters;
  parameters.registration_token = util::Secret{options_.registration_token};
  parameters.description = options_.name;
  parameters.maintenance_note = options_.maintenance_note;
  parameters.tag_list = options_.tag_list;
  parameters.run_untagged = options_.run_untagged;
  parameters.locked = options_.locked;
  parameters.access_level = options_.access_level;
  parameters.maximum_timeout = options_.maximum_timeout;
  parameters.paused = options_.paused;
  const auto runner = short_form(options_.registration_token);
  const auto result = call_register(client(), std::move(parameters), &interruption_);
  if (result.call.status != Status::ok) {
    const auto* how = result.call.status == Status::forbidden
                          ? "forbidden (check registration token)"
                      : result.call.status == Status::client_error ? "client error"
                                                                   : "failed";
    spdlog::error("Registering runner... {} runner={} {}", how, runner,
                  failure_fields(result.call));
    if (result.call.http_status == 403 || result.call.http_status == 410)
      spdlog::error(
          "The token is wrong or was reset, or this GitLab no longer takes registration tokens: "
          "create a runner in GitLab under Settings > CI/CD > Runners and pass its glrt- token "
          "with --token");
    throw panic("Failed to register the runner.");
  }
  spdlog::info("Registering runner... succeeded runner={}", runner);
  options_.token = result.token.reveal();
  enrolled_ = true;
  entry_.set("id", result.id);
  entry_.set("token_obtained_at", now_text());
  entry_.set("token_expires_at", result.token_expires_at);
}

void Registration::verify_authentication_token() {
  if (!created_in_ui()) {
    spdlog::info("Token specified trying to verify runner...");
    spdlog::warn("If you want to register use the '-r' instead of '-t'.");
  }
  const auto result = call_verify(client(), &interruption_);
  log_verified(result.call, util::Secret{options_.token});
  if (result.call.status != Status::ok) throw panic("Failed to verify the runner.");
  if (!created_in_ui()) return;
  // One that was there before this command is not its to take back.
  enrolled_ = known_runner() == nullptr;
  entry_.set("id", result.id);
  entry_.set("token_obtained_at", now_text());
  entry_.set("token_expires_at", result.token_expires_at);
  if (!options_.non_interactive)
    options_.name = prompt_.ask(
        "Enter a name for the runner. This is stored only in the local config.toml file:",
        options_.name, Empty::refused);
}

void Registration::ask_executor() {
  if (options_.non_interactive) return;
  const auto question = fmt::format("Enter an executor: {}:", executor_names());
  for (;;) {
    options_.executor = prompt_.ask(question, options_.executor, Empty::refused);
    const bool known = is_executor(options_.executor);
    const auto why = known ? unsupported_executor(options_.executor) : "Invalid executor specified";
    if (why.empty()) return;
    spdlog::error(why);
    options_.executor.clear();
  }
}

void Registration::ask_image() {
  if (options_.non_interactive) return;
  entry_.set("docker.image", prompt_.ask("Enter the default Docker image (for example, ruby:3.3):",
                                         text("docker.image"), Empty::refused));
}

/// Jobs get a cache volume unless the administrator has one there, or wants none.
void Registration::add_cache_volume() {
  const auto* disabled = entry_.find("docker.disable_cache");
  if (disabled && std::get<bool>(*disabled)) return;
  std::vector<std::string> volumes;
  if (const auto* given = entry_.find("docker.volumes"))
    volumes = std::get<std::vector<std::string>>(*given);
  const bool there = std::ranges::any_of(volumes, [](const std::string& volume) {
    return volume.substr(volume.rfind(':') + 1) == "/cache";
  });
  if (there) return;
  volumes.emplace_back("/cache");
  entry_.set("docker.volumes", std::move(volumes));
}

void Registration::warn_of_limits() const {
  for (const auto* key : {"limit", "request_concurrency"}) {
    const auto* value = entry_.find(key);
    if (value && std::get<std::int64_t>(*value) > config_.concurrent)
      spdlog::warn(
          "The runner's {} is greater than the file's concurrent, which limits all runners "
          "together {}={} concurrent={}",
          key, key, std::get<std::int64_t>(*value), config_.concurrent);
  }
}

/// Only what the runner lacks; prompts show it.
void Registration::take_template() {
  if (options_.template_path.empty()) return;
  spdlog::info("Merging configuration from template file \"{}\"", options_.template_path);
  entry_.set("url", options_.url);
  entry_.set("executor", options_.executor);
  try {
    config::merge_template(entry_, options_.template_path);
  } catch (const config::ConfigError& error) {
    throw Fatal{fmt::format("Could not handle configuration merging from template file error={}",
                            log_value(error.what()))};
  }
  options_.url = text("url");
  options_.executor = text("executor");
}

/// As GitLab Runner: those of others are dropped, even if flags or a template set them.
void Registration::keep_tables_of_executor() {
  const auto& executor = options_.executor;
  const bool docker = executor.starts_with("docker");
  const struct {
    const char* table;
    bool kept;
  } tables[] = {
      {"docker", docker},
      {"machine", executor == "docker+machine"},
      {"autoscaler", executor == "docker-autoscaler" || executor == "instance"},
      {"kubernetes", executor == "kubernetes"},
      {"custom", executor == "custom"},
      {"ssh", executor == "ssh" || executor == "parallels" || executor == "virtualbox"},
      {"parallels", executor == "parallels"},
      {"virtualbox", executor == "virtualbox"},
      {"referees", false},
  };
  for (const auto& one : tables)
    if (!one.kept) entry_.erase_table(one.table);
}

const config::Runner* Registration::known_runner() const {
  const auto without_slash = [](std::string_view url) {
    while (url.ends_with('/')) url.remove_suffix(1);
    return url;
  };
  const auto known = std::ranges::find_if(config_.runners, [&](const config::Runner& runner) {
    return runner.token.reveal() == options_.token &&
           without_slash(runner.url) == without_slash(options_.url);
  });
  return known == config_.runners.end() ? nullptr : &*known;
}

void Registration::save() {
  const bool known = known_runner() != nullptr;
  known ? update_runner() : add_runner();
  enrolled_ = false;
  apply_settings();
  if (options_.concurrent > 0) config::set_concurrent(options_.config_path, options_.concurrent);
  spdlog::info(
      "Runner registered successfully. Feel free to start it, but if it's running already the "
      "config should be automatically reloaded!");
  spdlog::info("Configuration (with the authentication token) was saved in \"{}\"",
               options_.config_path);
  const auto runners = config_.runners.size() + (known ? 0 : 1);
  if (runners > 1 && config_.concurrent == 1 && options_.concurrent == 0)
    spdlog::info(
        "All {} runners together run one job at a time: raise concurrent in the file, or add "
        "--concurrent N",
        runners);
}

void Registration::add_runner() {
  if (options_.executor.starts_with("docker")) add_cache_volume();
  entry_.set("name", options_.name);
  entry_.set("url", options_.url);
  entry_.set("token", options_.token);
  entry_.set("executor", options_.executor);
  config::append_runner(options_.config_path, entry_);
}

/// The same command run again changes nothing, and another one what it names.
void Registration::update_runner() {
  const auto known = *known_runner();
  spdlog::info(
      "The runner is in the configuration already; its entry is updated, none is added runner={}",
      short_form(options_.token));
  auto entry = entry_;
  for (const auto* key : {"url", "token_obtained_at", "token_expires_at"}) entry.erase(key);
  if (options_.name != options_.default_name) entry.set("name", options_.name);
  entry.set("executor", options_.executor);
  config::update_runner(
      options_.config_path,
      [&](const config::Runner& one) { return one.token == known.token && one.url == known.url; },
      entry);
}

void Registration::apply_settings() {
  const auto matches = [this](const config::Runner& one) {
    return one.token.reveal() == options_.token;
  };
  for (const auto& setting : options_.settings) {
    const auto equals = setting.find('=');
    const auto key = setting.substr(settings_prefix.size(), equals - settings_prefix.size());
    config::set_runner_key(options_.config_path, matches, key, setting.substr(equals + 1));
  }
}

void Registration::undo() noexcept {
  if (!enrolled_ || options_.leave_runner) return;
  enrolled_ = false;
  try {
    unregister_logged(client());
  } catch (const std::exception& error) {
    spdlog::error("Unregistering runner from GitLab failed error={}", log_value(error.what()));
  }
}

}  // namespace slipway::cmd
