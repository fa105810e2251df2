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

/// Whether a daemon whose own version is `ours` can work with an agent of version `theirs`: the
/// same, or the one before it. There is no version 0.
constexpr bool speaks(int ours, int theirs) {
  return theirs >= 1 && (theirs == ours || theirs == ours - 1);
}

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
  bool interrupted = false;  ///< the agent itself was told to end, by whoever stops the container
  std::string error;         ///< the stage could not be started: why
  std::chrono::milliseconds cpu{0};
  std::uint64_t peak_memory_kib = 0;
  /// The kernel killed a process of the container for want of memory meanwhile.
  bool out_of_memory = false;
};
/// The agent's answer to resume(): its output goes on at `offset`.
struct Resumed {
  std::uint64_t offset = 0;
  std::uint64_t lost = 0;        ///< output bytes before `offset` that the agent no longer has
  std::uint64_t lost_exits = 0;  ///< ends of stages that it no longer has
  std::uint64_t confirmed = 0;   ///< number of the last command that it has taken
  int version = 0;
  std::string agent_version;
};
/// The agent speaks a protocol version that this build does not: nothing more comes from it, and
/// nothing can be sent to it.
struct Unsupported {
  int version = 0;
  std::string agent_version;
};
using Event = std::variant<Hello, Plain, Raw, Output, Exit, Resumed, Unsupported>;

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

/// What a daemon has stored of an agent whose *hello* it has had, for the next process.
struct Continuation {
  std::uint64_t offset = 0;    ///< output bytes taken
  std::uint64_t exits = 0;     ///< ends of stages taken
  std::uint64_t commands = 0;  ///< commands sent; more may have followed
  int version = protocol_version;
};

/// The daemon's end of the agent protocol: a pure state machine for one container, no I/O. Bytes
/// that come out of the container go in, events come out; commands return the bytes to write to the
/// container's stdin, in that order. Document: docs/agent-protocol.md.
class DaemonEnd {
 public:
  /// `mark` is random and drawn per container: 16 lower-case hex digits.
  explicit DaemonEnd(std::string mark);
  /// Goes on where another process was when it stored `from`; what came and went after that does
  /// not matter. resume() is the first call; no command is accepted (std::logic_error) before
  /// Resumed has come out of next(). Signals that the earlier process sent may be lost: what must
  /// hold is sent again. A version that is not spoken gives Unsupported at once.
  DaemonEnd(std::string mark, Continuation from);
  ~DaemonEnd();
  DaemonEnd(DaemonEnd&&) noexcept;
  DaemonEnd& operator=(DaemonEnd&&) noexcept;

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
  /// What next() will give; null: nothing. Valid until the next call.
  const Event* peek() const;

  std::string run(const Stage& stage);
  /// After Resumed: `stage` was under way when the earlier process died, which had sent
  /// `commands_before` commands when it began to send this one. Gives what the agent has not
  /// confirmed of it (nothing, if it has all), so that it runs once however much had got through.
  /// `stage` must be what the earlier process sent, byte by byte; `limit` alone may differ. Comes
  /// before any other command.
  std::string continue_run(const Stage& stage, std::uint64_t commands_before);
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
  /// How many ends of stages have come out of next(), the earlier process's included.
  std::uint64_t exits_taken() const;
  /// Number of the last command sent; the next *run* begins with the one after it.
  std::uint64_t commands_sent() const;
  /// The agent's protocol version; 0 before *hello*.
  int version() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace slipway::agent
