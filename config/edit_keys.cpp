#include "config/edit_keys.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <vector>

#include "config/edit.hpp"
#include "config/file.hpp"
#include "config/load.hpp"
#include "config/schema.hpp"
#include "config/section_values.hpp"
#include "config/sections.hpp"

namespace slipway::config {

namespace {

/// `docker.tmpfs` → {runners, docker, tmpfs}.
std::vector<std::string> path_of(std::string_view table) {
  std::vector<std::string> path{"runners"};
  while (!table.empty()) {
    const auto dot = table.find('.');
    path.emplace_back(table.substr(0, dot));
    table = dot == std::string_view::npos ? "" : table.substr(dot + 1);
  }
  return path;
}

bool is_runner(const Section& section) {
  return section.array && section.path.size() == 1 &&
         equal_ignoring_case(section.path[0], "runners");
}

bool same_path(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  return std::ranges::equal(a, b,
                            [](const auto& x, const auto& y) { return equal_ignoring_case(x, y); });
}

/// The sections of one runner; empty when it is not written as a block.
std::vector<Section> block_of(std::string_view text, std::size_t index) {
  std::vector<Section> block;
  std::size_t runners = 0;
  for (auto& section : find_sections(text)) {
    if (is_runner(section)) ++runners;
    const bool part = !section.path.empty() && equal_ignoring_case(section.path[0], "runners");
    if (part && runners == index + 1) block.push_back(std::move(section));
  }
  return block;
}

/// `key` in the table `path` of the runner, whatever characters it has.
std::string with_key_in(std::string_view text, std::size_t index,
                        const std::vector<std::string>& path, const std::string& key,
                        std::string_view value) {
  const auto block = block_of(text, index);
  if (block.empty()) return std::string{text};
  const auto place = std::ranges::find_if(block, [&](const Section& section) {
    return same_path(section.path, path) && section.array == (path.size() == 1);
  });
  if (place != block.end()) {
    if (const auto there = find_value(text, *place, key)) {
      std::string out{text};
      return out.replace(there->begin, there->end - there->begin, value);
    }
    return with_value(text, *place, key_text(key), value, "");
  }
  const std::string margin((path.size() - 1) * 2, ' ');
  auto lines =
      fmt::format("{0}[{1}]\n{0}  {2} = {3}\n", margin, fmt::join(path, "."), key_text(key), value);
  const auto end = block.back().content_end;
  if (end > 0 && text[end - 1] != '\n') lines.insert(0, 1, '\n');
  std::string out{text};
  return out.insert(end, lines);
}

/// The file, changed by `change` for the runner's index, read back and written if it differs.
bool change_runner(const std::string& path, const std::function<bool(const Runner&)>& matches,
                   const std::function<std::string(std::string, std::size_t)>& change) {
  const EditLock lock{path};
  const auto old = read_config_file(path);
  if (!old) return false;
  const auto config = parse(*old, path, process_environment());
  const auto found = std::ranges::find_if(config.runners, matches);
  if (found == config.runners.end()) return false;
  const auto text = change(*old, static_cast<std::size_t>(found - config.runners.begin()));
  if (text == *old) return true;
  const auto changed = parse(text, path, process_environment());
  if (changed.runners.size() != config.runners.size())
    throw ConfigError{
        path, 0, 0,
        "cannot be changed in place; write each runner as a [[runners]] block of its own"};
  write_config_file(path, text);
  return true;
}

Kind kind_of(std::string_view table, std::string_view name) {
  const auto* known = find_table(table.empty() ? "runners" : fmt::format("runners.{}", table));
  const auto* key = known ? known->find(name) : nullptr;
  return key ? key->kind : Kind::anything;
}

std::string with_value_of(std::string text, std::size_t index, const std::string& key,
                          const Value& value) {
  const auto dot = key.rfind('.');
  const auto table = dot == std::string::npos ? "" : key.substr(0, dot);
  const auto name = dot == std::string::npos ? key : key.substr(dot + 1);
  auto path = path_of(table);
  const auto* texts = std::get_if<std::map<std::string, std::string>>(&value);
  const auto* flags = std::get_if<std::map<std::string, bool>>(&value);
  if (texts == nullptr && flags == nullptr)
    return with_key_in(text, index, path, name, toml_text(value, kind_of(table, name)));
  path.push_back(name);
  if (texts != nullptr)
    for (const auto& [item, one] : *texts)
      text = with_key_in(text, index, path, item, quote_toml(one));
  else
    for (const auto& [item, one] : *flags)
      text = with_key_in(text, index, path, item, one ? "true" : "false");
  return text;
}

}  // namespace

std::string with_runner_key(std::string_view text, std::size_t index, std::string_view key,
                            std::string_view value) {
  const auto dot = key.rfind('.');
  if (dot == std::string_view::npos)
    return with_key_in(text, index, {"runners"}, std::string{key}, value);
  return with_key_in(text, index, path_of(key.substr(0, dot)), std::string{key.substr(dot + 1)},
                     value);
}

std::string with_top_key(std::string_view text, std::string_view key, std::string_view value) {
  // An empty line stands for the header that the top level does not have.
  const auto shifted = "\n" + std::string{text};
  const auto sections = find_sections(shifted);
  Section top;
  top.end = sections.empty() ? shifted.size() : sections.front().begin;
  if (const auto there = find_value(shifted, top, key)) {
    auto out = shifted;
    return out.replace(there->begin, there->end - there->begin, value).substr(1);
  }
  return fmt::format("{} = {}\n{}", key, value, text);
}

bool update_runner(const std::string& path, const std::function<bool(const Runner&)>& matches,
                   const RunnerEntry& entry) {
  return change_runner(path, matches, [&](std::string text, std::size_t index) {
    for (const auto& [key, value] : entry.values())
      text = with_value_of(std::move(text), index, key, value);
    return text;
  });
}

void check_runner_key(std::string_view key) {
  const auto dot = key.rfind('.');
  const auto table = dot == std::string_view::npos ? "" : key.substr(0, dot);
  const auto name = dot == std::string_view::npos ? key : key.substr(dot + 1);
  // Of a map every name is a key.
  const auto upper = table.rfind('.');
  const auto kind = upper == std::string_view::npos
                        ? kind_of("", table)
                        : kind_of(table.substr(0, upper), table.substr(upper + 1));
  if (kind == Kind::string_map || kind == Kind::bool_map) return;
  const auto* known = find_table(table.empty() ? "runners" : fmt::format("runners.{}", table));
  if (known != nullptr && known->find(name) != nullptr) return;
  const auto near = known ? nearest_key(*known, name) : std::nullopt;
  throw std::invalid_argument{
      fmt::format("unknown key \"runners.{}\"{}", key,
                  near ? fmt::format(" (did you mean \"{}\"?)", *near) : "")};
}

bool set_runner_key(const std::string& path, const std::function<bool(const Runner&)>& matches,
                    std::string_view key, std::string_view value) {
  return change_runner(path, matches, [&](const std::string& text, std::size_t index) {
    return with_runner_key(text, index, key, value);
  });
}

void set_concurrent(const std::string& path, int jobs) {
  const EditLock lock{path};
  const auto old = read_config_file(path).value_or("");
  const auto text = with_top_key(old, "concurrent", fmt::format("{}", jobs));
  if (text == old) return;
  if (parse(text, path, process_environment()).concurrent != jobs)
    throw ConfigError{path, 0, 0, "concurrent cannot be changed in place; change it by hand"};
  write_config_file(path, text);
}

void create_config(const std::string& path) {
  const EditLock lock{path};
  if (read_config_file(path)) return;
  const auto text = with_runner_appended("", RunnerEntry{});
  write_config_file(path, std::string_view{text}.substr(0, text.find("\n[[runners]]")));
}

}  // namespace slipway::config
