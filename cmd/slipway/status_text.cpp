#include "cmd/slipway/status_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

namespace slipway::cmd {

namespace {

constexpr std::size_t longest_text = 200;
constexpr std::size_t most_rows = 100;

std::string plain(std::string text) {
  if (text.size() > longest_text) text = text.substr(0, longest_text) + "...";
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < ' ' || c == 127; }, '?');
  return text;
}

/// `3d4h`, `2h5m`, `12m`, `7s`.
std::string duration(std::int64_t seconds) {
  seconds = std::max<std::int64_t>(seconds, 0);
  if (seconds >= 86400) return fmt::format("{}d{}h", seconds / 86400, seconds / 3600 % 24);
  if (seconds >= 3600) return fmt::format("{}h{}m", seconds / 3600, seconds / 60 % 60);
  if (seconds >= 60) return fmt::format("{}m", seconds / 60);
  return fmt::format("{}s", seconds);
}

std::string bytes(std::uint64_t count) {
  constexpr std::array units{"B", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(count);
  std::size_t unit = 0;
  for (; value >= 1024 && unit + 1 < units.size(); ++unit) value /= 1024;
  return fmt::format("{:.{}f} {}", value, unit == 0 ? 0 : 1, units[unit]);
}

/// A heading with the count, and columns as wide as they need.
std::string table(const std::string& heading, std::size_t count,
                  const std::vector<std::vector<std::string>>& rows) {
  auto out = fmt::format("\n{}: {}\n", heading, count);
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  for (const auto& row : rows) {
    std::string line = " ";
    for (std::size_t i = 0; i < row.size(); ++i) line += fmt::format(" {:<{}}", row[i], widths[i]);
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  if (count > rows.size()) out += fmt::format("  ... and {} more\n", count - rows.size());
  return out;
}

template <class Entry, class Row>
std::string list(const std::string& heading, const std::vector<Entry>& entries, std::size_t count,
                 Row row) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& entry : entries) {
    if (rows.size() == most_rows) break;
    rows.push_back(row(entry));
  }
  return table(heading, count, rows);
}

}  // namespace

std::string status_text(const runner::Status& status, const StatusView& view) {
  const auto since = [&](std::int64_t then) { return duration(view.now - then); };
  std::string out;
  if (view.running)
    out += fmt::format("pid {}, version {}, {}, up {}\n", status.pid, plain(status.version),
                       plain(status.state), since(status.started));
  else
    out += fmt::format("What follows was so {} ago, when pid {} (version {}) last wrote it.\n",
                       duration(view.age.count()), status.pid, plain(status.version));
  out += list("Jobs", status.jobs, status.jobs.size(), [&](const runner::Status::Job& job) {
    return std::vector<std::string>{fmt::format("job {}", job.id),
                                    fmt::format("project {}", job.project),
                                    plain(job.phase),
                                    since(job.since),
                                    job.adopted ? "adopted" : "",
                                    plain(job.key)};
  });
  if (!status.undelivered.empty())
    out += list("Final states that GitLab has not taken yet", status.undelivered,
                status.undelivered.size(), [&](const runner::Status::Undelivered& job) {
                  return std::vector<std::string>{fmt::format("job {}", job.id),
                                                  fmt::format("project {}", job.project),
                                                  plain(job.state),
                                                  since(job.since),
                                                  plain(job.key),
                                                  plain(job.last_error)};
                });
  if (status.reaper_pending > 0)
    out += list("Objects that could not be removed yet", status.objects, status.reaper_pending,
                [&](const runner::Status::Object& object) {
                  return std::vector<std::string>{plain(object.kind), plain(object.id),
                                                  fmt::format("tries {}", object.tries),
                                                  plain(object.last_error)};
                });
  if (status.disk)
    out += fmt::format("\nDisk {}: {} free of {}{}{}\n", plain(status.disk->path),
                       bytes(status.disk->free_bytes), bytes(status.disk->total_bytes),
                       status.disk->freed_bytes > 0
                           ? fmt::format(", {} freed", bytes(status.disk->freed_bytes))
                           : "",
                       status.disk->polling_paused ? "; too full, no jobs are asked for" : "");
  return out;
}

}  // namespace slipway::cmd
