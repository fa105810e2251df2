#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <filesystem>
#include <functional>
#include <string>

#include "runner/status.hpp"
#include "util/asio_fwd.hpp"
#include "util/event.hpp"

namespace slipway::runner {

/// Keeps `<state directory>/status.json` (mode 0600) up to date. A reader sees the old text or the
/// new one, never part of one. Not synced: it is about a running process. What cannot be written
/// is logged once per cause, and tried again with the next change.
class StatusFile {
 public:
  static constexpr auto file_name = "status.json";

  /// \param look  tells the status of the moment; called at most once per `pause`.
  StatusFile(asio::any_io_executor executor, const std::filesystem::path& state_dir,
             std::function<Status()> look,
             std::chrono::milliseconds pause = std::chrono::seconds{1});

  /// Something may have changed. Cheap; nothing is written before run() comes to it.
  void changed() { changed_.set(); }
  /// Writes now, and after every changed(), but at most once per `pause` and only what differs.
  /// Sleeps while nothing changes. Runs until cancelled (operation_aborted).
  asio::awaitable<void> run();
  /// Writes at once, if anything differs: for the end of the process.
  void write_now();

 private:
  bool write(const std::string& text);

  std::filesystem::path path_;
  std::function<Status()> look_;
  std::chrono::milliseconds pause_;
  util::Event changed_;
  std::string written_;
  std::string last_problem_;
};

}  // namespace slipway::runner
