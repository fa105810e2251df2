#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "local/coordinator.hpp"
#include "tests/bench/lab.hpp"
#include "tests/bench/process.hpp"
#include "util/task_group.hpp"

namespace slipway::bench {

/// What the daemon's config file says.
struct SiteOptions {
  int concurrent = 1;
  int runners = 1;
  std::string executor = "docker";  ///< docker or shell; what follows is for docker
  std::string image = small_image;
  bool privileged = false;
  std::vector<std::string> volumes{"/cache"};
  std::string docker_host;  ///< "" = the bench's own
  std::string dind;         ///< lines of `[runners.docker.dind]`
  std::uint64_t output_limit_kib = 4096;
};

/// What the daemon says of a job at its end (`job finished …`).
struct JobEnd {
  std::map<std::string, std::string> fields;
  double number(const std::string& name) const;  ///< `12ms`, `12` → 12; absent: 0
};

/// One coordinator, in this process, and one `slipway run` as a child, registered with it.
class Site {
 public:
  Site(Lab& lab, SiteOptions options);
  ~Site();
  Site(const Site&) = delete;

  /// Returns when every runner waits in a long poll.
  asio::awaitable<void> start();
  /// Ends the daemon as `slipway stop` does, and the coordinator. \throws WrongResult when the
  /// daemon's exit code is not 0.
  asio::awaitable<void> stop();

  local::Coordinator& gitlab() { return *gitlab_; }
  Process& daemon() { return *daemon_; }
  std::string daemon_log() const;

  /// Waits for a held poll, hands out the job, waits for its final state and until the daemon has
  /// removed all of it. \throws WrongResult unless it succeeds with a whole log,
  /// util::TimeoutError.
  asio::awaitable<const local::JobRecord*> run(
      nlohmann::json payload, std::chrono::milliseconds limit = std::chrono::minutes{2});
  /// \throws WrongResult unless the job succeeded and its log arrived whole.
  void check(const local::JobRecord& job) const;
  /// Waits for the daemon's last word on the job, said when all of it is removed.
  asio::awaitable<JobEnd> ended(std::int64_t id);
  /// Waits until as many runners ask for jobs.
  asio::awaitable<void> polls_held(std::size_t count);

 private:
  std::string config_text(const std::string& url) const;

  Lab& lab_;
  SiteOptions options_;
  std::filesystem::path directory_;
  std::unique_ptr<local::Coordinator> gitlab_;
  std::unique_ptr<util::TaskGroup> tasks_;
  std::unique_ptr<Process> daemon_;
};

/// A plain function that returns a coroutine; what both refer to must outlive with_site().
using SiteBody = std::function<asio::awaitable<void>(Site&)>;

/// Runs `body` with a started site and stops the site whatever happens.
asio::awaitable<void> with_site(Lab& lab, SiteOptions options, SiteBody body);

/// From the coordinator handing the job out to its accepting the final state.
double job_milliseconds(const local::JobRecord& job);
/// \throws WrongResult unless `line` is a line of the job's log, timestamps and colours aside.
void expect_line(const local::JobRecord& job, std::string_view line);

}  // namespace slipway::bench
