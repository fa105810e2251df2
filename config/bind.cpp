#include "config/bind.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>
#include <utility>

#include "config/fields.hpp"

namespace slipway::config {

namespace {

bool is_label_char(char c, bool first) {
  const bool word =
      (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  return word || (!first && (c == '.' || c == '-'));
}

/// "" or what is wrong with the labels.
std::string label_error(const std::map<std::string, std::string>& labels) {
  constexpr std::size_t most = 32;
  for (const auto& [key, value] : labels) {
    bool fits = key.size() >= 3 && key.size() <= 65 && is_label_char(key[0], true);
    fits = fits && std::ranges::all_of(key, [](char c) { return is_label_char(c, false); });
    if (!fits)
      return fmt::format(
          "invalid label key, doesn't match "
          "\"^[a-zA-Z0-9_][a-zA-Z0-9._-]{{2,64}}$\": {}",
          key);
    fits = !value.empty() && value.size() <= 256;
    fits = fits && std::ranges::all_of(value, [](char c) { return is_label_char(c, false); });
    if (!fits)
      return fmt::format("invalid value of label {}, doesn't match \"^[a-zA-Z0-9._-]{{1,256}}$\"",
                         key);
  }
  if (labels.size() > most)
    return fmt::format("{} labels, at most {} are allowed", labels.size(), most);
  return "";
}

void check_labels(const std::map<std::string, std::string>& labels, const std::string& what,
                  const toml::node* node, const std::string& path) {
  const auto error = label_error(labels);
  if (error.empty()) return;
  const auto at = node ? node->source().begin : toml::source_position{};
  throw ConfigError{path, at.line, at.column,
                    fmt::format("invalid config: validating {} labels: {}", what, error)};
}

/// RFC 3339; the zero time is "".
std::string time_text(const toml::node* node) {
  const auto* value = node ? node->as_date_time() : nullptr;
  if (value == nullptr) return "";
  const auto& time = value->get();
  if (time.date.year <= 1) return "";
  auto text = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", time.date.year, time.date.month,
                          time.date.day, time.time.hour, time.time.minute, time.time.second);
  const int minutes = time.offset ? time.offset->minutes : 0;
  if (minutes == 0) return text + "Z";
  return text + fmt::format("{}{:02}:{:02}", minutes < 0 ? '-' : '+', std::abs(minutes) / 60,
                            std::abs(minutes) % 60);
}

/// Entries without `=` mean nothing and are dropped.
std::vector<std::pair<std::string, std::string>> pairs(const std::vector<std::string>& entries) {
  std::vector<std::pair<std::string, std::string>> list;
  for (const auto& entry : entries)
    if (const auto at = entry.find('='); at != std::string::npos)
      list.emplace_back(entry.substr(0, at), entry.substr(at + 1));
  return list;
}

/// For values where zero and below stand for the default.
template <class Value>
void positive_or(Value& value, Value fallback) {
  if (value <= Value{}) value = fallback;
}

void bind_limits(const Fields& fields, Runner& runner) {
  constexpr std::int64_t most_kib = std::int64_t{1} << 40;
  fields.read("limit", runner.limit);
  runner.limit = std::max(runner.limit, 0);
  std::int64_t kib = 0;
  fields.read("output_limit", kib);
  if (kib > 0) runner.output_limit = static_cast<std::uint64_t>(std::min(kib, most_kib)) * 1024;
  fields.read("request_concurrency", runner.request_concurrency);
  runner.request_concurrency = std::max(runner.request_concurrency, 1);
  fields.read("strict_check_interval", runner.strict_check_interval);
  if (fields.find("unhealthy_requests_limit")) {
    int limit = 0;
    fields.read("unhealthy_requests_limit", limit);
    runner.unhealthy_requests_limit = limit < 1 ? 3 : limit;
  }
  if (fields.find("unhealthy_interval")) {
    std::chrono::milliseconds interval{0};
    fields.read("unhealthy_interval", interval);
    runner.unhealthy_interval = interval;
  }
  fields.read("job_status_final_update_retry_limit", runner.job_status_final_update_retry_limit);
  positive_or(runner.job_status_final_update_retry_limit,
              Runner{}.job_status_final_update_retry_limit);
}

void bind_job_settings(const Fields& fields, Runner& runner) {
  fields.read("builds_dir", runner.builds_dir);
  fields.read("cache_dir", runner.cache_dir);
  fields.read("clone_url", runner.clone_url);
  std::vector<std::string> environment;
  fields.read("environment", environment);
  runner.environment = pairs(environment);
  fields.read("pre_get_sources_script", runner.pre_get_sources_script);
  fields.read("post_get_sources_script", runner.post_get_sources_script);
  fields.read("pre_build_script", runner.pre_build_script);
  fields.read("post_build_script", runner.post_build_script);
  fields.read("prepare_timeout", runner.prepare_timeout);
  fields.read("get_sources_timeout", runner.get_sources_timeout);
  fields.read("debug_trace_disabled", runner.debug_trace_disabled);
  fields.read("safe_directory_checkout", runner.safe_directory_checkout);
  fields.read("clean_git_config", runner.clean_git_config);
  fields.read("shell", runner.shell);
  fields.read("feature_flags", runner.feature_flags);
  if (const auto* table = fields.table("custom_build_dir"))
    Fields{*table}.read("enabled", runner.custom_build_dir_enabled);
}

/// Remarks on one runner, at the line of its header.
void warn_about(const Runner& runner, const toml::table& table, Config& config) {
  const auto line = table.source().begin.line;
  const auto add = [&](const std::string& text) {
    config.warnings.push_back(
        {line, fmt::format("{}:{}: runner \"{}\": {}", config.path, line, runner.name, text)});
  };
  if (runner.token.reveal().find_first_not_of(" \t\r\n") == std::string::npos)
    add("the token is empty, the runner will not be polled");
  auto url = std::string_view{runner.url};
  while (url.ends_with('/')) url.remove_suffix(1);
  if (url.empty()) add("the url is empty");
  if (url.ends_with("/ci")) add("the /ci suffix of the url is deprecated; remove it");
}

Runner bind_runner(const toml::table& table, Config& config, const Environment& environment) {
  const Fields fields{table};
  Runner runner;
  fields.read("name", runner.name);
  fields.read("url", runner.url);
  runner.url = expand_environment(runner.url, environment);
  fields.read("id", runner.id);
  std::string token;
  fields.read("token", token);
  runner.token = util::Secret{expand_environment(token, environment)};
  runner.token_obtained_at = time_text(fields.find("token_obtained_at"));
  runner.token_expires_at = time_text(fields.find("token_expires_at"));
  fields.read("tls-ca-file", runner.tls_ca_file);
  fields.read("tls-cert-file", runner.tls_cert_file);
  fields.read("tls-key-file", runner.tls_key_file);
  fields.read("executor", runner.executor);
  bind_limits(fields, runner);
  bind_job_settings(fields, runner);
  fields.read("labels", runner.labels);
  runner.labels.insert(config.labels.begin(), config.labels.end());
  check_labels(runner.labels, "runner", fields.find("labels"), config.path);
  if (const auto* cache = fields.table("cache")) runner.cache = bind_cache(*cache);
  if (const auto* docker = fields.table("docker"))
    runner.docker = bind_docker(*docker, config.path);
  warn_about(runner, table, config);
  return runner;
}

[[noreturn]] void refuse(const Config& config, const toml::node& node, const std::string& text) {
  const auto& at = node.source().begin;
  throw ConfigError{config.path, at.line, at.column, text};
}

/// True if the key is there.
bool bind_disk_level(const Fields& fields, std::string_view key, const Config& config,
                     DiskLevel& target) {
  const auto* node = fields.find(key);
  if (node == nullptr) return false;
  std::string text;
  fields.read(key, text);
  const auto level = parse_disk_level(text);
  if (!level)
    refuse(config, *node,
           fmt::format("key \"slipway.{}\": \"{}\" is neither a share of the disk (\"85%\"), nor a "
                       "size (\"200GB\"), nor \"off\"",
                       key, text));
  target = *level;
  return true;
}

/// What `low` is when only `high` is given, or the other way round.
DiskLevel neighbour(const DiskLevel& level, double points, double factor) {
  if (level.unit == DiskLevel::Unit::percent)
    return DiskLevel::share(
        std::clamp(level.percent + points, level.percent / 2, (level.percent + 100) / 2));
  return DiskLevel::amount(static_cast<std::uint64_t>(static_cast<double>(level.bytes) * factor));
}

void bind_disk(const Fields& fields, Config& config) {
  auto& slipway = config.slipway;
  const bool has_high = bind_disk_level(fields, "disk_high", config, slipway.disk_high);
  const bool has_low = bind_disk_level(fields, "disk_low", config, slipway.disk_low);
  auto& high = slipway.disk_high;
  auto& low = slipway.disk_low;
  if (high.is_off() || (!has_high && low.is_off())) {
    high = low = {};
  } else if (has_high && has_low && low.is_off()) {
    refuse(config, *fields.find("disk_low"),
           "key \"slipway.disk_low\": \"off\" needs \"slipway.disk_high\" to be \"off\" as well");
  } else if (has_high && !has_low) {
    low = neighbour(high, -10, 0.9);
  } else if (has_low && !has_high) {
    high = neighbour(low, 10, 1.1);
  }
  const bool comparable = high.unit == low.unit && !high.is_off();
  if (comparable && (low.percent > high.percent || low.bytes > high.bytes))
    refuse(config, *fields.find("disk_low"),
           "key \"slipway.disk_low\" is above \"slipway.disk_high\"");
  DiskLevel floor;
  if (bind_disk_level(fields, "disk_floor", config, floor)) slipway.disk_floor = floor;
  DiskLevel budget;
  if (bind_disk_level(fields, "disk_budget", config, budget)) {
    if (budget.unit == DiskLevel::Unit::percent)
      refuse(config, *fields.find("disk_budget"),
             "key \"slipway.disk_budget\" must be a size, such as \"200GB\"");
    slipway.disk_budget = budget.bytes;
  }
}

void bind_slipway(const toml::table& table, Config& config) {
  const Fields fields{table};
  fields.read("state_dir", config.slipway.state_dir);
  fields.read("adopt_timeout", config.slipway.adopt_timeout);
  std::string on_stop = "abort";
  fields.read("on_stop", on_stop);
  if (on_stop != "abort" && on_stop != "adopt") {
    const auto& at = fields.find("on_stop")->source().begin;
    throw ConfigError{
        config.path, at.line, at.column,
        fmt::format("key \"slipway.on_stop\": \"{}\" is neither \"abort\" nor \"adopt\"", on_stop)};
  }
  config.slipway.on_stop = on_stop == "adopt" ? OnStop::adopt : OnStop::abort;
  bind_disk(fields, config);
}

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  return text;
}

}  // namespace

void bind(const toml::table& file, Config& config, const Environment& environment) {
  const Fields fields{file};
  fields.read("concurrent", config.concurrent);
  fields.read("check_interval", config.check_interval);
  positive_or(config.check_interval, Config{}.check_interval);
  fields.read("log_level", config.log_level);
  config.log_level = lower(config.log_level);
  fields.read("log_format", config.log_format);
  fields.read("listen_address", config.listen_address);
  fields.read("shutdown_timeout", config.shutdown_timeout);
  positive_or(config.shutdown_timeout, Config{}.shutdown_timeout);
  fields.read("connection_max_age", config.connection_max_age);
  fields.read("sentry_dsn", config.sentry_dsn);
  if (config.sentry_dsn.empty()) config.sentry_dsn = environment("SENTRY_DSN").value_or("");
  fields.read("user", config.user);
  fields.read("labels", config.labels);
  check_labels(config.labels, "global", fields.find("labels"), config.path);
  if (const auto* table = fields.table("session_server")) {
    const Fields session{*table};
    session.read("listen_address", config.session_server.listen_address);
    session.read("advertise_address", config.session_server.advertise_address);
    session.read("session_timeout", config.session_server.session_timeout);
    positive_or(config.session_server.session_timeout, SessionServer{}.session_timeout);
  }
  if (const auto* table = fields.table("slipway")) bind_slipway(*table, config);
  for (const auto* table : fields.tables("runners"))
    config.runners.push_back(bind_runner(*table, config, environment));
}

}  // namespace slipway::config
