#include "cmd/slipway/runner_flags.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <map>
#include <optional>
#include <stdexcept>
#include <string_view>

#include "cmd/slipway/go_style.hpp"
#include "config/feature_flags.hpp"

namespace slipway::cmd {

namespace {

using config::Kind;

/// A key whose flag or variable does not follow the rule.
struct Deviation {
  std::string_view key;
  std::string_view flag;                ///< "" = by the rule
  std::optional<std::string_view> env;  ///< "" = none; unset = by the rule
};

constexpr std::array deviations{
    Deviation{"environment", "env", "RUNNER_ENV"},
    Deviation{"clone_url", "", "CLONE_URL"},
    Deviation{"feature_flags", "", "FEATURE_FLAGS"},
    Deviation{"unhealthy_interval", "", ""},
    Deviation{"job_status_final_update_retry_limit", "",
              "RUNNER_job_status_final_update_retry_limit"},
    Deviation{"tls-ca-file", "", "CI_SERVER_TLS_CA_FILE"},
    Deviation{"tls-cert-file", "", "CI_SERVER_TLS_CERT_FILE"},
    Deviation{"tls-key-file", "", "CI_SERVER_TLS_KEY_FILE"},
    Deviation{"custom_build_dir.enabled", "custom_build_dir-enabled", "CUSTOM_BUILD_DIR_ENABLED"},
    Deviation{"docker.tls_cert_path", "docker-cert-path", "DOCKER_CERT_PATH"},
    Deviation{"docker.tls_verify", "docker-tlsverify", "DOCKER_TLS_VERIFY"},
    Deviation{"docker.userns_mode", "docker-userns", "DOCKER_USERNS_MODE"},
    Deviation{"docker.ipcmode", "", "DOCKER_IPC_MODE"},
    Deviation{"docker.services_privileged", "docker-services_privileged", std::nullopt},
    Deviation{"docker.allowed_users", "docker-allowed_users", std::nullopt},
    Deviation{"docker.service_gpus", "docker-service_gpus", std::nullopt},
    Deviation{"docker.container_labels", "", ""},
    Deviation{"docker.enable_ipv6", "", ""},
    Deviation{"docker.network_mtu", "", ""},
};

/// Keys without a runner flag: what register sets itself, and what this version does not act on.
constexpr std::array<std::string_view, 14> without_flag{
    "name",
    "url",
    "id",
    "token",
    "token_obtained_at",
    "token_expires_at",
    "executor",
    "labels",
    "proxy_exec",
    "use_slot_cgroups",
    "slot_cgroup_template",
    "step_runner_image",
    "docker.isolation",
    "docker.service_slot_cgroup_template",
};

/// The table that a key is in, as flags and variables begin: flag `--<flag>…`, variable `<ENV>_…`.
struct Source {
  std::string_view table;  ///< below `runners`; "" = the runner itself
  std::string_view flag;
  std::string_view env;
};
constexpr std::array sources{
    Source{"", "", "RUNNER_"},
    Source{"custom_build_dir", "", ""},
    Source{"docker", "docker-", "DOCKER_"},
};

bool has_flag(const std::string& path, Kind kind) {
  switch (kind) {
    case Kind::integer:
    case Kind::boolean:
    case Kind::string:
    case Kind::duration:
    case Kind::string_list:
    case Kind::string_or_list:
    case Kind::string_map:
    case Kind::bool_map:
      return std::ranges::find(without_flag, path) == without_flag.end();
    default:
      return false;
  }
}

std::string replaced(std::string_view text, char from, char to) {
  std::string out{text};
  std::ranges::replace(out, from, to);
  return out;
}

std::string upper(std::string text) {
  for (auto& c : text)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
  return text;
}

RunnerFlag make_flag(const Source& source, std::string path, const config::Key& key) {
  RunnerFlag flag{std::move(path), std::string{source.flag} + replaced(key.name, '_', '-'),
                  std::string{source.env} + upper(replaced(key.name, '-', '_')), key.kind};
  const auto deviation = std::ranges::find(deviations, flag.key, &Deviation::key);
  if (deviation == deviations.end()) return flag;
  if (!deviation->flag.empty()) flag.flag = deviation->flag;
  if (deviation->env) flag.env = *deviation->env;
  return flag;
}

bool is_list(Kind kind) {
  return kind == Kind::string_list || kind == Kind::string_map || kind == Kind::bool_map;
}

[[noreturn]] void refuse(const RunnerFlag& flag, std::string_view value, std::string_view why) {
  throw UsageError{
      fmt::format("invalid value \"{}\" for -{}: {}", value.substr(0, 128), flag.flag, why)};
}

bool boolean(const RunnerFlag& flag, const std::string& text) {
  const auto value = config::parse_go_bool(text);
  if (!value) refuse(flag, text, "expected true or false");
  return *value;
}

std::int64_t integer(const RunnerFlag& flag, const std::string& text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size())
    refuse(flag, text, "expected a decimal number");
  return value;
}

/// `a,b` → {a, b}; blanks around the words and empty words are dropped.
std::vector<std::string> comma_list(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const auto comma = text.find(',');
    auto word = text.substr(0, comma);
    while (word.starts_with(' ')) word.remove_prefix(1);
    while (word.ends_with(' ')) word.remove_suffix(1);
    if (!word.empty()) out.emplace_back(word);
    text = comma == std::string_view::npos ? "" : text.substr(comma + 1);
  }
  return out;
}

std::pair<std::string, std::string> key_and_value(const RunnerFlag& flag, const std::string& text) {
  const auto colon = text.find(':');
  if (colon == std::string::npos || colon == 0) refuse(flag, text, "expected key:value");
  return {text.substr(0, colon), text.substr(colon + 1)};
}

}  // namespace

std::vector<RunnerFlag> runner_flags() {
  std::vector<RunnerFlag> flags;
  for (const auto& source : sources) {
    const auto below = source.table.empty() ? "" : std::string{source.table} + ".";
    const auto* table = config::find_table(
        source.table.empty() ? "runners" : "runners." + std::string{source.table});
    if (table == nullptr) continue;
    for (const auto& key : table->keys)
      if (auto path = below + key.name; has_flag(path, key.kind))
        flags.push_back(make_flag(source, std::move(path), key));
  }
  return flags;
}

config::Value flag_value(const RunnerFlag& flag, const std::vector<std::string>& texts) {
  const std::string& last = texts.back();
  switch (flag.kind) {
    case Kind::boolean:
      return boolean(flag, last);
    case Kind::integer:
      return integer(flag, last);
    case Kind::string_list:
      return texts;
    case Kind::string_or_list:
      return comma_list(last);
    case Kind::string_map: {
      std::map<std::string, std::string> map;
      for (const auto& text : texts) {
        auto [key, value] = key_and_value(flag, text);
        map.insert_or_assign(std::move(key), std::move(value));
      }
      return map;
    }
    case Kind::bool_map: {
      std::map<std::string, bool> map;
      for (const auto& text : texts) {
        const auto [key, value] = key_and_value(flag, text);
        map.insert_or_assign(key, boolean(flag, value));
      }
      return map;
    }
    default:
      return last;
  }
}

void RunnerFlags::add_to(CLI::App& command) {
  for (auto& flag : runner_flags()) {
    const auto name = "--" + flag.flag;
    const auto dot = flag.key.rfind('.');
    const auto meaning = dot == std::string::npos
                             ? fmt::format("Key {} of [[runners]]", flag.key)
                             : fmt::format("Key {} of [runners.{}]", flag.key.substr(dot + 1),
                                           flag.key.substr(0, dot));
    auto* option = flag.kind == Kind::boolean ? command.add_flag(name) : command.add_option(name);
    option->description(meaning);
    option->multi_option_policy(is_list(flag.kind) ? CLI::MultiOptionPolicy::TakeAll
                                                   : CLI::MultiOptionPolicy::TakeLast);
    if (!flag.env.empty()) option->envname(flag.env);
    options_.emplace_back(std::move(flag), option);
  }
}

void RunnerFlags::store(config::RunnerEntry& entry) const {
  for (const auto& [flag, option] : options_) {
    if (option->count() == 0) continue;
    try {
      entry.set(flag.key, flag_value(flag, option->results()));
    } catch (const std::invalid_argument& error) {
      refuse(flag, option->results().back(), error.what());
    }
  }
}

std::vector<std::string> RunnerFlags::taken_from_environment() const {
  std::vector<std::string> names;
  for (const auto& [flag, option] : options_) {
    if (option->count() == 0 || flag.env.empty()) continue;
    const auto* value = std::getenv(flag.env.c_str());
    if (value != nullptr && *value != '\0' && option->results().front() == value)
      names.push_back(flag.env);
  }
  return names;
}

}  // namespace slipway::cmd
