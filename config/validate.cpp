#include "config/validate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "config/allowed.hpp"
#include "config/feature_flags.hpp"
#include "config/fields.hpp"
#include "config/load.hpp"
#include "config/schema.hpp"
#include "config/value_forms.hpp"

namespace slipway::config {

namespace {

template <class Words>
std::string did_you_mean(const Words& words, std::string_view value) {
  Table table;
  for (const auto& word : words) table.keys.push_back({std::string{word}});
  const auto near = nearest_key(table, value);
  return near ? fmt::format(" (did you mean \"{}\"?)", *near) : "";
}

/// Calls `use` for a text, or for each of a list of texts.
template <class Use>
void for_each_text(const toml::node& node, Use use) {
  if (const auto text = node.value<std::string>()) return use(node, *text);
  if (const auto* list = node.as_array())
    for (const auto& item : *list)
      if (const auto text = item.value<std::string>()) use(item, *text);
}

/// Every key with few allowed values, wherever it is.
class AllowedValues {
 public:
  AllowedValues(const std::string& path, Remarks& remarks) : path_{path}, remarks_{remarks} {}

  void look(const toml::table& file, const std::string& table_path) {
    const auto* table = find_table(table_path);
    if (table == nullptr) return;
    for (const auto& [name, node] : file) {
      const auto* key = table->find(name.str());
      if (key == nullptr) continue;
      const auto full = table_path.empty() ? key->name : table_path + "." + key->name;
      if (key->kind == Kind::table)
        look(*node.as_table(), full);
      else if (key->kind == Kind::table_list)
        for (const auto& item : *node.as_array()) look(*item.as_table(), full);
      else if (const auto* allowed = find_allowed(full))
        check(node, *allowed);
    }
  }

 private:
  void check(const toml::node& node, const Allowed& allowed) {
    for_each_text(node, [&](const toml::node& at, const std::string& value) {
      if (is_allowed(allowed, value)) return;
      const auto words = words_of(allowed);
      const auto is = words.size() == 1 ? fmt::format("neither empty nor \"{}\"", words.front())
                                        : fmt::format("none of {}{}", fmt::join(words, ", "),
                                                      did_you_mean(words, value));
      if (!allowed.refuse) return remarks_.add_value(at, allowed.key, is);
      const auto& place = at.source().begin;
      throw ConfigError{path_, place.line, place.column,
                        fmt::format("key \"{}\": \"{}\" is {}", allowed.key, value, is)};
    });
  }

  const std::string& path_;
  Remarks& remarks_;
};

/// The table that an executor cannot do without; "" = none.
std::string_view table_of(std::string_view executor) {
  if (executor.starts_with("docker")) return "docker";
  for (const std::string_view own : {"kubernetes", "custom", "ssh", "parallels", "virtualbox"})
    if (executor == own) return own;
  return "";
}

bool has_blanks_inside(const std::string& token) {
  const auto first = token.find_first_not_of(" \t\r\n");
  if (first == std::string::npos) return false;  // empty: told elsewhere
  return token.find_first_of(" \t\r\n") != std::string::npos;
}

void check_flags(const toml::table& flags, Remarks& remarks) {
  std::vector<std::string_view> names;
  for (const auto& flag : feature_flags()) names.push_back(flag.name);
  for (const auto& [key, node] : flags)
    if (find_feature_flag(key.str()) == nullptr)
      remarks.add(node, fmt::format("there is no feature flag \"{}\"{}", key.str(),
                                    did_you_mean(names, key.str())));
}

void check_cache(const toml::table& table, Remarks& remarks) {
  const Fields cache{table};
  std::string type;
  cache.read("Type", type);
  if (type != "s3" && type != "gcs" && type != "azure") return;
  const auto* store = cache.table(type);
  const std::string bucket = type == "azure" ? "ContainerName" : "BucketName";
  std::string name;
  if (store != nullptr) Fields{*store}.read(bucket, name);
  if (name.empty())
    remarks.add(*cache.find("Type"),
                fmt::format("key \"runners.cache.Type\": \"{0}\" needs {1} in [runners.cache.{0}]",
                            type, bucket));
}

void check_job_settings(const Fields& fields, Remarks& remarks) {
  if (const auto* node = fields.find("environment"))
    for_each_text(*node, [&](const toml::node& at, const std::string& entry) {
      if (entry.find('=') == std::string::npos || entry.starts_with('='))
        remarks.add_value(at, "runners.environment", "not NAME=value and is dropped");
    });
  if (const auto* flags = fields.table("feature_flags")) check_flags(*flags, remarks);
  if (const auto* cache = fields.table("cache")) check_cache(*cache, remarks);
  std::string executor;
  fields.read("executor", executor);
  if (executor.starts_with("docker"))
    for (const auto* key : {"builds_dir", "cache_dir"}) {
      std::string directory;
      fields.read(key, directory);
      if (!directory.empty() && !is_absolute_path(directory))
        remarks.add_value(*fields.find(key), fmt::format("runners.{}", key),
                          "not an absolute path");
    }
}

void check_negative(const Fields& fields, Remarks& remarks) {
  for (const auto* key : {"limit", "output_limit", "request_concurrency"}) {
    std::int64_t value = 0;
    fields.read(key, value);
    if (value < 0)
      remarks.add(
          *fields.find(key),
          fmt::format("key \"runners.{}\": {} is negative and means the default", key, value));
  }
}

void check_runner(const toml::table& table, const Runner& runner, Remarks& remarks) {
  const Fields fields{table};
  const auto about = [&](const std::string& text) {
    remarks.add(table, fmt::format("runner \"{}\": {}", runner.name, text));
  };
  if (!runner.url.empty() && !is_server_url(runner.url))
    about(fmt::format("the url \"{}\" is not of the form https://host/", runner.url));
  if (has_blanks_inside(runner.token.reveal()))
    about("the token has blanks in it, GitLab will refuse it");
  if (runner.executor.empty()) about("the executor is empty, the runner takes no jobs");
  if (const auto needed = table_of(runner.executor);
      !needed.empty() && fields.table(needed) == nullptr)
    about(fmt::format("executor \"{}\" needs a [runners.{}] table; without it no job is taken",
                      runner.executor, needed));
  check_negative(fields, remarks);
  check_job_settings(fields, remarks);
  if (const auto* docker = fields.table("docker")) validate_docker(*docker, remarks);
}

/// They would share one set of slots, and GitLab sees one runner.
void check_duplicates(const std::vector<const toml::table*>& tables, const Config& config,
                      Remarks& remarks) {
  std::map<std::pair<std::string, std::string>, std::string> seen;
  for (std::size_t i = 0; i < tables.size() && i < config.runners.size(); ++i) {
    const auto& runner = config.runners[i];
    if (runner.token.empty()) continue;
    const auto [first, fresh] = seen.try_emplace({runner.url, runner.token.reveal()}, runner.name);
    if (!fresh)
      remarks.add(*tables[i], fmt::format("runner \"{}\" has the url and token of runner \"{}\"",
                                          runner.name, first->second));
  }
}

}  // namespace

void Remarks::add(const toml::node& at, const std::string& text) {
  const auto line = at.source().begin.line;
  warnings_.push_back({line, fmt::format("{}:{}: {}", path_, line, text)});
}

void Remarks::add_value(const toml::node& at, std::string_view key, std::string_view is) {
  const auto value = at.value<std::string>().value_or("");
  add(at, fmt::format("key \"{}\": \"{}\" is {}", key, value.substr(0, 128), is));
}

std::vector<Warning> validate(const toml::table& file, const Config& config) {
  Remarks remarks{config.path};
  AllowedValues{config.path, remarks}.look(file, "");
  const auto tables = Fields{file}.tables("runners");
  for (std::size_t i = 0; i < tables.size() && i < config.runners.size(); ++i)
    check_runner(*tables[i], config.runners[i], remarks);
  check_duplicates(tables, config, remarks);
  auto warnings = remarks.take();
  std::ranges::stable_sort(warnings, {}, &Warning::line);
  return warnings;
}

}  // namespace slipway::config
