#pragma once

#include <string>
#include <vector>

#include "executors/docker/collector.hpp"
#include "executors/docker/collector_run.hpp"

/// What `slipway gc` prints: pure.
namespace slipway::cmd {

/// `would remove volume runner-…: not used for 12 days; 1.2 GB; cache volume of project 42`.
/// Without control characters, whatever the names hold.
std::string victim_line(const executors::docker::Victim& victim, bool dry_run);

/// The last line of a dry run: how many, and how much at most.
std::string plan_summary(const std::vector<executors::docker::Victim>& victims);
/// The last line otherwise.
std::string collected_summary(const executors::docker::Collected& collected);

/// Why nothing goes: what the disk says, and what would make more go.
std::string nothing_text(const executors::docker::Inventory& inventory,
                         const executors::docker::Watermarks& marks, std::size_t kept);

}  // namespace slipway::cmd
