#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "executors/docker/collector_usage.hpp"
#include "util/asio_fwd.hpp"
#include "util/condition.hpp"

namespace slipway::runner {

/// When the jobs of this state directory last used what lies on their Engines, and which images
/// they brought: `<state>/usage`, JSON, 0600, replaced as a whole. Losing it costs nothing but the
/// images' ownership: what is not known counts as used when the file was begun. Writing is put off
/// for a few seconds, except after a pull. Failures to write are logged once and tried again.
class UsageStore : public executors::docker::UsageLog {
 public:
  using Time = executors::docker::Usage::Time;
  using Usage = executors::docker::Usage;
  using Clock = std::function<Time()>;

  /// Reads the file. One that is damaged, or of a newer version, is put aside as `usage.bad` with a
  /// warning. \param clock  for tests; the system's if empty.
  UsageStore(asio::any_io_executor executor, std::filesystem::path file, Clock clock = {});
  UsageStore(const UsageStore&) = delete;
  /// Writes what is still to be written.
  ~UsageStore() override;

  void pulled(const std::string& engine, const std::string& name, const std::string& id,
              bool was_there) override;
  void used_image(const std::string& engine, const std::string& id) override;
  void used_volume(const std::string& engine, const std::string& name) override;

  /// What is known of an Engine. One that was unknown is known from now on.
  Usage usage(const std::string& engine);
  /// Forgets what the Engine no longer had when it was looked at, at `looked`.
  void keep_only(const std::string& engine, const std::set<std::string>& images,
                 const std::set<std::string>& volumes, Time looked);

  Time now() const { return clock_(); }
  /// Writes changes, for ever. Cancellation: any kind.
  asio::awaitable<void> keep_written();
  /// Writes now, if there is something to write. False if that failed.
  bool flush();

  /// For who only reads: nullopt when the file is missing or damaged, or does not know the Engine.
  static std::optional<Usage> read(const std::filesystem::path& file, const std::string& engine);

 private:
  Usage& of(const std::string& engine);
  void changed();

  std::filesystem::path file_;
  Clock clock_;
  std::map<std::string, Usage> engines_;
  bool dirty_ = false;
  bool failing_ = false;
  util::Condition changed_;
};

}  // namespace slipway::runner
