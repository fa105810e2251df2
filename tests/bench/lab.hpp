#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>

#include "docker_api/client.hpp"
#include "net/endpoint.hpp"
#include "tests/bench/census.hpp"
#include "tests/bench/options.hpp"
#include "tests/bench/table.hpp"

namespace slipway::bench {

inline constexpr const char* small_image = "busybox:latest";
inline constexpr const char* cli_image = "docker:24.0.5-cli";
inline constexpr const char* dind_image = "docker:24.0.5-dind";

/// The result of a job or container was not what it had to be: its figure does not count.
class WrongResult : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// What all figures share: the Engine, a scratch directory, a small git repository, the table.
class Lab {
 public:
  Lab(asio::any_io_executor executor, Options options);
  ~Lab();
  Lab(const Lab&) = delete;

  /// Connects, takes the first census, makes the repository. \throws std::runtime_error when the
  /// Engine or an image is missing.
  asio::awaitable<void> open();
  /// Removes what daemons keep between jobs, then compares the census; the row says what is left.
  /// Cancellation: any kind.
  asio::awaitable<void> close();
  /// Waits until no container of ours is left, so that the next measurement has the machine to
  /// itself. \throws WrongResult when one stays.
  asio::awaitable<void> settle();

  asio::any_io_executor executor() const { return executor_; }
  const Options& options() const { return options_; }
  docker_api::Client& engine() { return *engine_; }
  Table& table() { return table_; }
  const std::filesystem::path& scratch() const { return scratch_; }
  /// DOCKER_HOST as this process uses it.
  const std::string& docker_host() const { return docker_host_; }
  net::Endpoint engine_endpoint() const;
  /// Address of the host that jobs reach.
  const std::string& gateway() const { return gateway_; }
  /// Token of every runner; its start, which names things on the Engine, is the same for all.
  std::string runner_token(int index) const;

  static constexpr const char* project = "bench/project";
  const std::filesystem::path& repository() const { return bare_; }
  /// Commits a changed file and returns the commit; job scripts find `content` in `changing.txt`.
  std::string commit(const std::string& content);

 private:
  asio::awaitable<void> reach_engine();
  void make_repository();

  asio::any_io_executor executor_;
  Options options_;
  Table table_;
  std::string random_;
  std::string runner_;  ///< as in the label runner.id
  std::filesystem::path scratch_;
  std::filesystem::path bare_;
  std::string docker_host_;
  std::string gateway_;
  std::unique_ptr<docker_api::Client> engine_;
  Census before_;
};

/// A progress line on stderr.
void say(const std::string& text);

}  // namespace slipway::bench
