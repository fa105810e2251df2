#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "executors/docker/agent_container.hpp"
#include "tests/integration/engine_test.hpp"
#include "util/task_group.hpp"

namespace slipway::tests {

/// The job's log, in memory.
struct AdoptLog : executors::JobLog {
  void write(job::LogStream stream, job::LogKind, std::string_view bytes) override {
    (stream == job::LogStream::script ? script : runner) += bytes;
  }
  void flush(job::LogStream) override {}
  std::string script, runner;
};

/// What a process has on disk.
struct AdoptCheckpoint {
  executors::docker::AgentContainer::Snapshot container;
  std::uint64_t commands_before = 0;
  std::string log;
};

/// Stands for a daemon's process with one container: a client, a connection and a log of its own.
/// Nothing passes from one to the next but what a checkpoint stored. End it with die().
struct AdoptProcess {
  using AgentContainer = executors::docker::AgentContainer;

  AdoptProcess(asio::any_io_executor executor, AgentContainer::Settings settings);

  void store();
  /// Begins a stage as a job does: a checkpoint, then the command.
  void begin(agent::Stage stage);
  /// The stage that the process before had begun.
  void go_on(agent::Stage stage, const AdoptCheckpoint& from);
  /// The container is told nothing.
  asio::awaitable<void> die();
  asio::awaitable<void> wait_for_text(std::string text);
  asio::awaitable<void> wait_for_result();

  std::unique_ptr<docker_api::Client> engine;
  AdoptLog log;
  std::uint64_t commands_before = 0;
  AdoptCheckpoint stored;
  std::optional<AgentContainer::Result> result;
  AgentContainer container;
  util::TaskGroup tasks;

 private:
  AgentContainer::Settings with_hook(AgentContainer::Settings settings);
  asio::awaitable<void> finish(asio::awaitable<AgentContainer::Result> stage);
};

inline constexpr auto adopt_mark = "5a00ff7f13c3a90e";

/// A connected one.
asio::awaitable<std::unique_ptr<AdoptProcess>> make_process(
    executors::docker::AgentContainer::Settings settings);

/// A created container with the helper volume, in which `command` reads the daemon's first line.
asio::awaitable<executors::docker::AgentContainer::Settings> create_container(
    docker_api::Client& engine, std::vector<std::string> command);

/// Settings of the process that comes next: nothing but what is configured.
executors::docker::AgentContainer::Settings unknown_container();

agent::Stage script_stage(std::string body);

}  // namespace slipway::tests
