#include "cmd/slipway/gc_text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace slipway::cmd {

using executors::docker::Victim;
using executors::docker::Watermarks;

namespace {

std::string printable(std::string text) {
  std::ranges::replace_if(
      text, [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
  return text;
}

std::string count(std::size_t number) {
  return fmt::format("{} object{}", number, number == 1 ? "" : "s");
}

}  // namespace

std::string victim_line(const Victim& victim, bool dry_run) {
  return printable(fmt::format("{} {} {}: {}", dry_run ? "would remove" : "removed",
                               victim.kind == Victim::Kind::image ? "image" : "volume", victim.id,
                               victim.reason));
}

std::string plan_summary(const std::vector<Victim>& victims) {
  std::uint64_t bytes = 0;
  bool images = false;
  bool unknown = false;
  for (const auto& victim : victims) {
    bytes += victim.size > 0 ? static_cast<std::uint64_t>(victim.size) : 0;
    images = images || victim.kind == Victim::Kind::image;
    unknown = unknown || victim.size < 0;
  }
  auto text = fmt::format("{}, {}", count(victims.size()), config::format_bytes(bytes));
  if (images) text += " (layers that images share are counted more than once)";
  if (unknown) text += ", and what has no known size";
  return text;
}

std::string collected_summary(const executors::docker::Collected& collected) {
  auto text = fmt::format("{} removed, {} freed", count(collected.removed),
                          config::format_bytes(collected.freed));
  if (collected.failed > 0) text += fmt::format("; {} could not be removed", collected.failed);
  return text;
}

std::string nothing_text(const executors::docker::Inventory& inventory, const Watermarks& marks,
                         std::size_t kept) {
  const auto others = kept == 0
                          ? std::string{"slipway's jobs have left nothing that may go"}
                          : fmt::format("{} of slipway's jobs may go, but not yet", count(kept));
  if (marks.extent == Watermarks::Extent::everything)
    return fmt::format("nothing to remove: {}. What is in use or was used within the last {} stays",
                       others, executors::docker::age_text(marks.recent));
  const char* why = marks.high.is_off() ? "disk_high is off"
                    : !inventory.disk   ? "the Engine's disk is not on this machine"
                                        : "the disk is below disk_low, or what was used within the "
                                          "last hour is all there is";
  return fmt::format("nothing to remove: {}; {}. `gc --all` removes whatever is not in use", why,
                     others);
}

}  // namespace slipway::cmd
