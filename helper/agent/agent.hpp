#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace slipway::helper {

/// How an agent was started: the arguments of `slipway-helper agent`.
struct AgentArguments {
  std::string mark;  ///< 16 lower-case hex digits
  std::chrono::seconds adopt_timeout{600};
  std::optional<unsigned> umask;
  /// On a machine that is not the job's own (shell executor): the end of stdin ends everything, and
  /// what a stage that ended by itself left running is let live.
  bool host = false;
};

/// The agent of a job's container, or of a shell job on its host: runs the stages that the daemon
/// sends over stdin and reports over stdout, until it is told to quit, gets a signal, or has no
/// daemon for too long. One thread. Returns the process's exit code. Throws std::invalid_argument
/// for a bad mark. Document: docs/agent-protocol.md.
int run_agent(const AgentArguments& arguments);

/// Whether an agent could run here: what the bootstrap line asks before it `exec`s one.
bool agent_can_run();

}  // namespace slipway::helper
