#include "config/edit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "config/file.hpp"
#include "config/load.hpp"
#include "config/schema.hpp"
#include "config/sections.hpp"

namespace slipway::config {

namespace {

constexpr std::string_view new_file_head =
    "concurrent = 1\n"
    "check_interval = 0\n"
    "shutdown_timeout = 0\n"
    "\n"
    "[session_server]\n"
    "  session_timeout = 1800\n";

bool is_blank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

bool is_runner(const Section& section) {
  return section.array && section.path.size() == 1 &&
         equal_ignoring_case(section.path[0], "runners");
}

bool is_part_of_runner(const Section& section) {
  return section.path.size() > 1 && equal_ignoring_case(section.path[0], "runners");
}

/// Which sections belong to the runners with these indices.
std::vector<bool> sections_of(const std::vector<Section>& sections,
                              const std::vector<std::size_t>& indices) {
  std::vector<bool> chosen;
  std::size_t runners = 0;
  for (const auto& section : sections) {
    if (is_runner(section)) ++runners;
    const bool ours = is_runner(section) || is_part_of_runner(section);
    chosen.push_back(ours && runners > 0 &&
                     std::ranges::find(indices, runners - 1) != indices.end());
  }
  return chosen;
}

/// A change must lead to a file that can be read and has `runners` runners; if not, it is not made.
void check_change(std::string_view text, const std::string& path, std::size_t runners) {
  const auto changed = parse(text, path, process_environment());
  if (changed.runners.size() == runners) return;
  throw ConfigError{
      path, 0, 0,
      "cannot be changed in place; write each runner as a [[runners]] block of its own"};
}

}  // namespace

std::string with_runner_appended(std::string_view text, const RunnerEntry& entry) {
  std::string out{is_blank(text) ? new_file_head : text};
  if (!out.ends_with('\n')) out += '\n';
  if (!out.ends_with("\n\n") && !out.ends_with("\n\r\n")) out += '\n';
  return out + entry.render();
}

std::string with_runners_removed(std::string_view text, const std::vector<std::size_t>& indices) {
  const auto sections = find_sections(text);
  const auto chosen = sections_of(sections, indices);
  std::string out;
  std::size_t copied = 0;
  for (std::size_t i = 0; i < sections.size(); ++i) {
    if (!chosen[i]) continue;
    out += text.substr(copied, sections[i].begin - copied);
    const bool more = i + 1 < sections.size() && chosen[i + 1];
    // Comments before the next header speak of that one.
    copied = more ? sections[i + 1].begin : sections[i].content_end;
    if (more) continue;
    const bool blank_before = out.empty() || out.ends_with("\n\n") || out.ends_with("\n\r\n");
    if (blank_before && text.substr(copied, 1) == "\n") copied += 1;
    if (blank_before && text.substr(copied, 2) == "\r\n") copied += 2;
  }
  out += text.substr(copied);
  return out;
}

void append_runner(const std::string& path, const RunnerEntry& entry) {
  const EditLock lock{path};
  const auto old = read_config_file(path).value_or("");
  const auto before = parse(old, path, process_environment()).runners.size();
  const auto text = with_runner_appended(old, entry);
  check_change(text, path, before + 1);
  write_config_file(path, text);
}

std::size_t remove_runners(const std::string& path,
                           const std::function<bool(const Runner&)>& matches) {
  const EditLock lock{path};
  const auto old = read_config_file(path);
  if (!old) return 0;
  const auto config = parse(*old, path, process_environment());
  std::vector<std::size_t> indices;
  for (std::size_t i = 0; i < config.runners.size(); ++i)
    if (matches(config.runners[i])) indices.push_back(i);
  if (indices.empty()) return 0;
  const auto text = with_runners_removed(*old, indices);
  check_change(text, path, config.runners.size() - indices.size());
  write_config_file(path, text);
  return indices.size();
}

}  // namespace slipway::config
