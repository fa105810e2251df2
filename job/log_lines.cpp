#include "job/log_lines.hpp"

#include <array>
#include <cstdint>
#include <utility>

#include "job/text.hpp"

namespace slipway::job {
namespace {

std::string line(std::string_view prefix, std::string_view text) {
  std::string result{prefix};
  result += text;
  result += colour::reset;
  result += '\n';
  return result;
}

std::string section(std::string_view mark, std::string_view name,
                    std::chrono::system_clock::time_point at) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count();
  std::string result{mark};
  result += ':' + std::to_string(seconds) + ':';
  result += name;
  result += '\r';
  result += colour::clear;
  return result;
}

constexpr std::array<std::pair<std::string_view, std::string_view>, 12> titles{{
    {"resolve_secrets", "Resolving secrets"},
    {"prepare_script", "Preparing environment"},
    {"get_sources", "Getting source from Git repository"},
    {"clear_worktree", "Deleting all tracked and untracked files due to source fetch failure"},
    {"restore_cache", "Restoring cache"},
    {"download_artifacts", "Downloading artifacts"},
    {"after_script", "Running after_script"},
    {"archive_cache", "Saving cache for successful job"},
    {"archive_cache_on_failure", "Saving cache for failed job"},
    {"upload_artifacts_on_success", "Uploading artifacts for successful job"},
    {"upload_artifacts_on_failure", "Uploading artifacts for failed job"},
    {"cleanup_file_variables", "Cleaning up project directory and file based variables"},
}};

/// `value` thousandths as a decimal number without trailing zeros.
std::string decimal(std::uint64_t value) {
  auto text = std::to_string(value / 1000);
  if (value % 1000 == 0) return text;
  auto fraction = std::to_string(1000 + value % 1000).substr(1);
  while (fraction.back() == '0') fraction.pop_back();
  return text + '.' + fraction;
}

}  // namespace

std::string plain_line(std::string_view text) {
  return line(colour::clear, text);
}
std::string info_line(std::string_view text) {
  return line(colour::bold_green, text);
}
std::string warning_line(std::string_view text) {
  return line(std::string{colour::yellow} + "WARNING: ", text);
}
std::string error_line(std::string_view text) {
  return line(std::string{colour::bold_red} + "ERROR: ", text);
}

std::string title_line(std::string_view title) {
  std::string text{colour::bold_cyan};
  text += title;
  text += colour::reset;
  return plain_line(text);
}

std::string section_start(std::string_view name, std::chrono::system_clock::time_point at) {
  return section("section_start", name, at);
}
std::string section_end(std::string_view name, std::chrono::system_clock::time_point at) {
  return section("section_end", name, at);
}

std::string stage_title(std::string_view stage, std::string_view executor) {
  if (stage == "prepare_executor") {
    return "Preparing the \"" + std::string{executor} + "\" executor";
  }
  for (const auto& [name, title] : titles) {
    if (name == stage) return std::string{title};
  }
  return "Executing \"" + std::string{stage} + "\" stage of the job script";
}

std::string duration_text(std::chrono::milliseconds duration) {
  // Unsigned, as the smallest duration has no positive counterpart.
  const auto count = static_cast<std::uint64_t>(duration.count());
  const auto magnitude = duration.count() < 0 ? 0 - count : count;
  if (magnitude == 0) return "0s";
  std::string text = duration.count() < 0 ? "-" : "";
  if (magnitude < 1000) return text + std::to_string(magnitude) + "ms";
  const auto hours = magnitude / 3'600'000;
  const auto minutes = magnitude / 60'000 % 60;
  if (hours > 0) text += std::to_string(hours) + 'h';
  if (hours > 0 || minutes > 0) text += std::to_string(minutes) + 'm';
  return text + decimal(magnitude % 60'000) + 's';
}

}  // namespace slipway::job
