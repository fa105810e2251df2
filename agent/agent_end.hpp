#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "agent/daemon_end.hpp"
#include "agent/frame.hpp"
#include "agent/messages.hpp"
#include "agent/output_log.hpp"

namespace slipway::agent {

using TimePoint = std::chrono::steady_clock::time_point;

/// What the daemon wants of the process that holds an AgentEnd, in the daemon's order.
struct RunStage {
  Stage stage;
};
struct SignalStage {
  std::uint32_t stage = 0;
  Signal signal = Signal::terminate;
};
struct Quit {
  int code = 0;
};
/// No daemon for too long: end everything.
struct Abandoned {};
using Command = std::variant<RunStage, SignalStage, Quit, Abandoned>;

/// The agent's own end of the protocol: a pure state machine, no I/O, no clock. Bytes from stdin,
/// output and ends of stages go in; commands and frames for stdout come out. Document:
/// docs/agent-protocol.md.
class AgentEnd {
 public:
  struct Options {
    std::string mark;     ///< 16 hex digits
    std::string version;  ///< of the agent's program, for *hello*
    std::chrono::milliseconds adopt_timeout = std::chrono::minutes{10};
    OutputLimits limits;
  };
  static constexpr auto gather_time = std::chrono::milliseconds{20};
  static constexpr auto hello_interval = std::chrono::seconds{1};
  static constexpr auto daemon_silence = std::chrono::seconds{30};
  static constexpr std::size_t backlog = 256 << 10;

  /// `spill` may be null and must outlive this. Throws std::invalid_argument for a bad mark.
  AgentEnd(Options options, Spill* spill, TimePoint now);

  /// Bytes from stdin, cut anywhere. What is no frame is dropped.
  void receive(std::string_view bytes, TimePoint now);
  std::optional<Command> next_command();

  /// How much output can be taken now; 0: read none, let the scripts wait. While a daemon is there,
  /// output that stdout does not take is not piled up past `backlog`.
  std::size_t room() const;
  /// At most room() bytes.
  void output(std::uint32_t stage, Stream stream, std::string_view bytes, TimePoint now);
  /// A stage has ended and all its output was given to output().
  void exited(const Exit& exit);

  /// The next frame to write, whole, with one write; empty: nothing is due. The same until
  /// frame_written().
  std::string_view frame(TimePoint now);
  void frame_written(TimePoint now);

  /// When tick() must be called at the latest.
  TimePoint deadline() const;
  void tick(TimePoint now);

 private:
  struct KeptExit {
    Exit exit;
    std::uint64_t position;
  };
  struct Incoming {
    std::uint32_t stage;
    std::size_t size;
    std::string message;
  };
  struct Sink;

  void on_frame(const Frame& frame, TimePoint now);
  void on_numbered(const Frame& frame);
  void on_run(const Frame& frame);
  void on_resume(const Frame& frame);
  void keep_few_exits();
  bool output_due() const;
  bool make_output_frame();
  bool make_exit_frame();
  void make(FrameType type, std::uint32_t stage, std::uint8_t flags, std::uint64_t number,
            std::string_view payload);

  Options options_;
  Mark mark_;
  FrameParser parser_;
  OutputLog log_;
  std::deque<Command> commands_;
  std::optional<Incoming> incoming_;

  std::uint64_t confirmed_ = 0;  ///< number of the last command taken
  bool confirm_due_ = false;
  bool hello_due_ = true;
  bool resumed_due_ = false;
  std::uint64_t asked_offset_ = 0;  ///< of the last *resume*, echoed by its answer
  std::uint64_t asked_exits_ = 0;
  bool heard_ = false;   ///< any frame of a daemon yet
  bool silent_ = false;  ///< no frame for daemon_silence
  bool abandoned_ = false;
  TimePoint last_hello_;
  TimePoint last_heard_;

  std::uint64_t sent_ = 0;       ///< the first output byte not in a frame yet
  std::uint64_t due_until_ = 0;  ///< output before this goes out without gathering
  TimePoint last_output_frame_;
  std::deque<KeptExit> exits_;
  std::uint64_t first_exit_ = 1;  ///< number of exits_.front()
  std::uint64_t next_exit_ = 1;   ///< the first one not in a frame yet

  std::string frame_;
};

}  // namespace slipway::agent
