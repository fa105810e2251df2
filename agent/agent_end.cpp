#include "agent/agent_end.hpp"

#include <algorithm>
#include <array>

#include "agent/bytes.hpp"

namespace slipway::agent {
namespace {

// Ends are kept for a daemon that comes back and knows less than the one before it.
constexpr std::size_t kept_exits = 64;

}  // namespace

struct AgentEnd::Sink : FrameSink {
  Sink(AgentEnd& agent, TimePoint time) : end{agent}, now{time} {}
  void on_frame(const Frame& frame) override { end.on_frame(frame, now); }
  void on_foreign(std::string_view) override {}
  AgentEnd& end;
  TimePoint now;
};

AgentEnd::AgentEnd(Options options, Spill* spill, TimePoint now)
    : options_{std::move(options)},
      mark_{options_.mark},
      parser_{mark_},
      log_{spill, options_.limits},
      last_hello_{now},
      last_heard_{now},
      last_output_frame_{now - gather_time} {}

void AgentEnd::receive(std::string_view bytes, TimePoint now) {
  Sink sink{*this, now};
  parser_.feed(bytes, sink);
}

std::optional<Command> AgentEnd::next_command() {
  if (commands_.empty()) return std::nullopt;
  std::optional<Command> command{std::move(commands_.front())};
  commands_.pop_front();
  return command;
}

void AgentEnd::on_frame(const Frame& frame, TimePoint now) {
  switch (frame.type) {
    case FrameType::run:
    case FrameType::signal:
    case FrameType::quit:
      on_numbered(frame);
      confirm_due_ = true;
      break;
    case FrameType::ack:
      log_.release(std::min(frame.number, sent_));
      break;
    case FrameType::resume:
      on_resume(frame);
      break;
    case FrameType::ping:  // its number repeats the last *ack*, which a cut may have lost
      log_.release(std::min(frame.number, sent_));
      confirm_due_ = true;
      break;
    default:
      return;
  }
  heard_ = true;
  hello_due_ = false;
  silent_ = false;
  last_heard_ = now;
}

// Commands count from 1. One that was there already is a double; one behind a gap comes again after
// the next *resume*.
void AgentEnd::on_numbered(const Frame& frame) {
  if (frame.number != confirmed_ + 1) return;
  ++confirmed_;
  if (frame.type == FrameType::run) {
    on_run(frame);
  } else if (frame.type == FrameType::signal) {
    if (frame.flags >= static_cast<std::uint8_t>(Signal::terminate) &&
        frame.flags <= static_cast<std::uint8_t>(Signal::kill))
      commands_.push_back(SignalStage{frame.stage, static_cast<Signal>(frame.flags)});
  } else {
    ByteReader in{frame.payload};
    commands_.push_back(Quit{in.number<std::int32_t>()});
  }
}

// The first frame of a stage tells the size of the whole message; a new first frame discards what a
// daemon has left unfinished.
void AgentEnd::on_run(const Frame& frame) {
  auto payload = frame.payload;
  if (frame.flags & 1) {
    ByteReader in{payload};
    const std::size_t size = in.number<std::uint32_t>();
    incoming_.reset();
    if (!in.ok() || size > max_stage_message) {
      exited({.stage = frame.stage, .code = 1, .error = "the stage's script is too long"});
      return;
    }
    incoming_.emplace(Incoming{frame.stage, size, {}});
    incoming_->message.reserve(size);
    payload = in.rest();
  }
  if (!incoming_ || incoming_->stage != frame.stage) return;
  auto& message = incoming_->message;
  message += payload.substr(0, incoming_->size - message.size());
  if (message.size() < incoming_->size) return;
  auto stage = decode_stage(frame.stage, std::move(message));
  incoming_.reset();
  if (stage) {
    commands_.push_back(RunStage{std::move(*stage)});
  } else {
    exited({.stage = frame.stage, .code = 1, .error = "the stage's description is malformed"});
  }
}

void AgentEnd::on_resume(const Frame& frame) {
  ByteReader in{frame.payload};
  const auto exits_seen = in.number<std::uint64_t>();
  asked_offset_ = frame.number;
  asked_exits_ = exits_seen;
  sent_ = std::clamp(frame.number, log_.begin(), log_.end());
  // One less than the number asked for: the largest count has no successor.
  next_exit_ = std::clamp(exits_seen, first_exit_ - 1, first_exit_ + exits_.size() - 1) + 1;
  due_until_ = log_.end();
  resumed_due_ = true;
}

std::size_t AgentEnd::room() const {
  if (!silent_ && log_.end() - sent_ >= backlog) return 0;
  return log_.room();
}

void AgentEnd::output(std::uint32_t stage, Stream stream, std::string_view bytes, TimePoint now) {
  // Gathering begins with the second frame of a burst: a single line goes out at once.
  const bool idle = sent_ == log_.end() && now - last_output_frame_ >= gather_time;
  log_.append(stage, stream, bytes);
  if (idle) due_until_ = log_.end();
}

void AgentEnd::exited(const Exit& exit) {
  exits_.push_back({exit, log_.end()});
  due_until_ = log_.end();
  keep_few_exits();
}

void AgentEnd::keep_few_exits() {
  while (exits_.size() > kept_exits && first_exit_ < next_exit_) {
    exits_.pop_front();
    ++first_exit_;
  }
}

void AgentEnd::make(FrameType type, std::uint32_t stage, std::uint8_t flags, std::uint64_t number,
                    std::string_view payload) {
  frame_ = encode(mark_, {type, flags, stage, number, confirmed_, payload});
  confirm_due_ = false;
}

std::string_view AgentEnd::frame(TimePoint now) {
  if (!frame_.empty()) return frame_;
  if (hello_due_) {
    hello_due_ = false;
    last_hello_ = now;
    make(FrameType::hello, 0, 0, 0, encode_hello({protocol_version, options_.version}));
  } else if (resumed_due_) {
    resumed_due_ = false;
    const ResumedPayload payload{{protocol_version, options_.version},
                                 {{asked_offset_, asked_exits_, next_exit_ - 1}}};
    make(FrameType::resumed, 0, 0, sent_, encode_resumed(payload));
  } else if (!make_exit_frame() && !make_output_frame() && confirm_due_) {
    make(FrameType::alive, 0, 0, 0, {});
  }
  return frame_;
}

bool AgentEnd::make_exit_frame() {
  if (next_exit_ - first_exit_ >= exits_.size()) return false;
  const auto& [exit, position] = exits_[next_exit_ - first_exit_];
  if (position > sent_) return false;
  make(FrameType::exit, exit.stage, 0, next_exit_++, encode_exit(exit, position));
  keep_few_exits();
  return true;
}

bool AgentEnd::output_due() const {
  return sent_ < due_until_ || log_.end() - sent_ >= max_payload;
}

bool AgentEnd::make_output_frame() {
  if (!output_due()) return false;
  auto most = max_payload;
  // An end stands at its place in the stream: no frame reaches over it.
  if (next_exit_ - first_exit_ < exits_.size())
    most = std::min<std::uint64_t>(most, exits_[next_exit_ - first_exit_].position - sent_);
  std::array<char, max_payload> bytes;
  const auto piece = log_.read(sent_, bytes.data(), most);
  make(FrameType::output, piece.stage, static_cast<std::uint8_t>(piece.stream), sent_,
       {bytes.data(), piece.size});
  sent_ += piece.size;
  return true;
}

void AgentEnd::frame_written(TimePoint now) {
  frame_.clear();
  last_output_frame_ = now;
}

TimePoint AgentEnd::deadline() const {
  auto next = abandoned_ ? TimePoint::max() : last_heard_ + daemon_silence + options_.adopt_timeout;
  if (!silent_) next = std::min(next, last_heard_ + daemon_silence);
  if (!heard_ && !hello_due_) next = std::min(next, last_hello_ + hello_interval);
  if (sent_ < log_.end() && !output_due()) next = std::min(next, last_output_frame_ + gather_time);
  return next;
}

void AgentEnd::tick(TimePoint now) {
  if (!heard_ && now >= last_hello_ + hello_interval) hello_due_ = true;
  if (now >= last_output_frame_ + gather_time) due_until_ = log_.end();
  if (now >= last_heard_ + daemon_silence) silent_ = true;
  if (!abandoned_ && now >= last_heard_ + daemon_silence + options_.adopt_timeout) {
    abandoned_ = true;
    commands_.push_back(Abandoned{});
  }
}

}  // namespace slipway::agent
