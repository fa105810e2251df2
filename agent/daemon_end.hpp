#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace slipway::agent {

/// Protocol version spoken by this build; the daemon also speaks the previous one.
inline constexpr int protocol_version = 1;

enum class Stream : std::uint8_t { out = 1, err = 2 };

/// What the daemon asks an agent to run.
struct Stage {
  enum class Kind : std::uint8_t { script, native };
  std::uint32_t id = 0;  ///< chosen by the daemon, unique within the container
  Kind kind = Kind::script;
  std::string name;  ///< `step_script`, `get_sources` …; for native stages it selects the code
  std::vector<std::string> shell;  ///< script: argv of the shell; empty = first of the documented
                                   ///< shells. Gets `body` on stdin
  std::string body;                ///< the script, or the native stage's parameters as JSON
  std::string working_dir;         ///< "" = the container's own
  std::chrono::milliseconds limit{0};  ///< 0 = none; past it as signal(terminate)
};

/// Events, in the order in which they happened in the container.
struct Hello {
  int version = 0;
  std::string agent_version;
};
/// The shell found no usable agent: plain mode (the container's shell now waits for a script on its
/// stdin).
struct Plain {};
/// Bytes outside frames: the entrypoint's output, or its background processes'.
struct Raw {
  Stream stream = Stream::out;
  std::string bytes;
};
/// Output of a stage. `offset` counts the output bytes of this agent, all stages and both streams
/// together.
struct Output {
  std::uint32_t stage = 0;
  Stream stream = Stream::out;
  std::uint64_t offset = 0;
  std::string bytes;
};
/// A stage's end; all its output came before, and what it left running is gone.
struct Exit {
  std::uint32_t stage = 0;
  int code = 0;  ///< exit code; with a signal 128 + signal
  int signal = 0;
  bool limit_reached = false;
  std::string error;  ///< the stage could not be started: why
  std::chrono::milliseconds cpu{0};
  std::uint64_t peak_memory_kib = 0;
};
struct Resumed {
  std::uint64_t offset = 0;
};
using Event = std::variant<Hello, Plain, Raw, Output, Exit, Resumed>;

enum class Signal : std::uint8_t {
  terminate,        ///< TERM to every process of the stage, after 10 s KILL
  terminate_shell,  ///< TERM to the stage's shell alone (FF_USE_NATIVE_CONTAINER_STOP)
  kill,             ///< KILL to every process of the stage
};

/// What the daemon decides about an agent when it starts it.
struct AgentOptions {
  /// How long stages go on when no daemon is heard any more.
  std::chrono::milliseconds adopt_timeout = std::chrono::minutes{10};
  std::optional<unsigned> umask;  ///< none: as the entrypoint left it
};

/// The daemon's end of the agent protocol: a pure state machine for one container, no I/O. Bytes
/// that come out of the container go in, events come out; commands return the bytes to write to the
/// container's stdin, in that order. Document: docs/agent-protocol.md.
class DaemonEnd {
 public:
  /// `mark` is random and drawn per container: 16 lower-case hex digits.
  explicit DaemonEnd(std::string mark);
  ~DaemonEnd();
  DaemonEnd(DaemonEnd&&) noexcept;

  /// The first line for the container's stdin: shell text that execs the agent
  /// (`<dir>/slipway-helper agent …`), or prints the plain marker. Nothing else may be sent before
  /// Hello or Plain.
  std::string bootstrap(std::string_view helper_dir, const AgentOptions& options = {}) const;

  /// Bytes of the container's stdout or stderr, cut anywhere. Hostile input: bounded, never throws
  /// on bad frames.
  void receive(Stream stream, std::string_view bytes);
  /// The container's streams ended: what was held back comes out as Raw.
  void receive_eof();
  std::optional<Event> next();

  std::string run(const Stage& stage);
  std::string signal(std::uint32_t stage, Signal signal);
  /// Everything before `offset` is safe at the daemon's side.
  std::string ack(std::uint64_t offset);
  std::string ping();
  /// Ends the agent (and with it the container) with `code`.
  std::string quit(int code);
  /// After a re-attach: filler, then `resume from offset` and every command that the agent has not
  /// confirmed. Output that arrives before Resumed is dropped, doubled output too: events go on
  /// without a lost or doubled byte. Before Hello or Plain: the bootstrap line once more (or
  /// nothing, if there was none), for it or its answer may be lost.
  std::string resume();
  /// Output is missing, so nothing more comes before the next resume(). Only a damaged stream leads
  /// here.
  bool needs_resume() const;
  /// The first output byte that has not come out of next() yet.
  std::uint64_t next_offset() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace slipway::agent
