#include "agent/daemon_end.hpp"

#include <algorithm>
#include <deque>
#include <stdexcept>
#include <utility>

#include "agent/bootstrap.hpp"
#include "agent/bytes.hpp"
#include "agent/frame.hpp"
#include "agent/marker_filter.hpp"
#include "agent/messages.hpp"

namespace slipway::agent {
namespace {

// Neighbouring events are joined up to this size, so that a consumer works on few large pieces.
constexpr std::size_t joined_size = 64 << 10;
// No agent gets there; a forged frame shall not make the arithmetic overflow.
constexpr std::uint64_t max_offset = 1ull << 62;

}  // namespace

class DaemonEnd::Impl : FrameSink {
 public:
  explicit Impl(std::string mark)
      : mark_text_{std::move(mark)},
        mark_{mark_text_},
        parser_{mark_},
        marker_{plain_marker(mark_text_)} {}
  Impl(std::string mark, const Continuation& from);

  void receive(Stream stream, std::string_view bytes);
  void receive_eof();
  std::optional<Event> next();
  const Event* peek() const { return events_.empty() ? nullptr : &events_.front(); }
  std::string bootstrap(std::string_view helper_dir, const AgentOptions& options);
  std::string run(const Stage& stage);
  std::string continue_run(const Stage& stage, std::uint64_t commands_before);
  std::string command(FrameType type, std::uint32_t stage, std::uint8_t flags,
                      std::string_view payload);
  std::string numbered(FrameType type, std::uint32_t stage, std::uint8_t flags,
                       std::string_view payload);
  std::string control(FrameType type, std::uint64_t number, std::string_view payload = {}) const;
  std::string resume();

  std::uint64_t delivered() const { return delivered_; }
  std::uint64_t acknowledged() const { return acknowledged_; }
  void acknowledge(std::uint64_t offset) { acknowledged_ = std::max(acknowledged_, offset); }
  bool gap() const { return gap_; }
  std::uint64_t exits_taken() const { return exits_taken_; }
  std::uint64_t commands_sent() const { return std::max(last_command_, reserved_); }
  int version() const { return version_; }

 private:
  enum class State { booting, plain, agent, refused };
  /// Whether output is taken, or a *resume* is still to be sent or to be answered.
  enum class Sync { in_order, to_ask, asked };

  void on_frame(const Frame& frame) override;
  void on_foreign(std::string_view bytes) override;
  void on_greeting(const Frame& frame);
  void on_resumed(const Frame& frame);
  void on_output(const Frame& frame);
  void on_exit(const Frame& frame);
  void note_taken(const Event& event);
  void refuse(const Hello& agent);
  void require_resumed() const;
  std::string fill_up_to(std::uint64_t number);
  std::string parts_from(const Stage& stage, const StageParts& parts, std::size_t first);
  void raw(Stream stream, std::string_view bytes);
  void out_without_marker(std::string_view bytes);

  std::string mark_text_;
  Mark mark_;
  FrameParser parser_;
  MarkerFilter marker_;
  State state_ = State::booting;
  std::deque<Event> events_;

  std::string bootstrap_;  ///< as sent, for a re-attach before the answer
  int bootstraps_ = 0;     ///< how often it was sent; each may bring a marker
  Sync sync_ = Sync::in_order;
  bool continuing_ = false;  ///< made from a Continuation; no *resumed* yet
  bool gap_ = false;
  int version_ = 0;
  std::uint64_t expected_ = 0;   ///< the next output byte to come from the agent
  std::uint64_t delivered_ = 0;  ///< the next one to come out of next()
  std::uint64_t acknowledged_ = 0;
  std::uint64_t exits_seen_ = 0;
  std::uint64_t exits_taken_ = 0;  ///< those that came out of next()

  std::uint64_t last_command_ = 0;
  /// The earlier process sent commands up to this number. Those that the agent lacks may be on
  /// their way still: each is met with one of the same number.
  std::uint64_t reserved_ = 0;
  std::uint64_t confirmed_ = 0;  ///< what the agent had when it resumed
  std::deque<std::pair<std::uint64_t, std::string>> unconfirmed_;
};

DaemonEnd::Impl::Impl(std::string mark, const Continuation& from) : Impl{std::move(mark)} {
  state_ = State::agent;
  sync_ = Sync::to_ask;
  continuing_ = true;
  version_ = from.version;
  expected_ = delivered_ = acknowledged_ = from.offset;
  exits_seen_ = exits_taken_ = from.exits;
  reserved_ = from.commands;
  if (!speaks(protocol_version, version_)) refuse({version_, {}});
}

void DaemonEnd::Impl::receive(Stream stream, std::string_view bytes) {
  if (stream == Stream::err) {
    raw(stream, bytes);
  } else if (state_ == State::plain) {
    parser_.flush(*this);
    out_without_marker(bytes);
  } else {
    parser_.feed(bytes, *this);
  }
}

void DaemonEnd::Impl::receive_eof() {
  parser_.flush(*this);
  raw(Stream::out, marker_.flush());
}

std::optional<Event> DaemonEnd::Impl::next() {
  if (events_.empty()) return std::nullopt;
  std::optional<Event> event{std::move(events_.front())};
  events_.pop_front();
  note_taken(*event);
  return event;
}

void DaemonEnd::Impl::note_taken(const Event& event) {
  if (const auto* output = std::get_if<Output>(&event)) {
    delivered_ = output->offset + output->bytes.size();
  } else if (std::holds_alternative<Exit>(event)) {
    ++exits_taken_;
  } else if (const auto* resumed = std::get_if<Resumed>(&event)) {
    delivered_ += resumed->lost;
    exits_taken_ += resumed->lost_exits;
  }
}

void DaemonEnd::Impl::raw(Stream stream, std::string_view bytes) {
  if (bytes.empty()) return;
  if (!events_.empty()) {
    auto* last = std::get_if<Raw>(&events_.back());
    if (last && last->stream == stream && last->bytes.size() < joined_size) {
      last->bytes += bytes;
      return;
    }
  }
  events_.push_back(Raw{stream, std::string{bytes}});
}

void DaemonEnd::Impl::on_foreign(std::string_view bytes) {
  if (state_ != State::agent) {
    out_without_marker(bytes);
  } else if (sync_ == Sync::in_order) {
    raw(Stream::out, bytes);
  }
}

// Until the answer to the bootstrap line, and for the later answers where the line was sent twice.
void DaemonEnd::Impl::out_without_marker(std::string_view bytes) {
  if (state_ == State::plain && bootstraps_ <= 0) return raw(Stream::out, bytes);
  auto result = marker_.feed(bytes);
  raw(Stream::out, result.before);
  if (!result.found) return;
  --bootstraps_;
  if (state_ == State::booting) {
    state_ = State::plain;
    events_.push_back(Plain{});
  }
  out_without_marker(result.after);
}

void DaemonEnd::Impl::on_frame(const Frame& frame) {
  if (state_ == State::plain || state_ == State::refused) return;
  if (state_ == State::booting) return on_greeting(frame);
  while (!unconfirmed_.empty() && unconfirmed_.front().first <= frame.confirm)
    unconfirmed_.pop_front();
  if (frame.type == FrameType::resumed) return on_resumed(frame);
  if (sync_ != Sync::in_order || gap_) return;
  if (frame.type == FrameType::output) {
    on_output(frame);
  } else if (frame.type == FrameType::exit) {
    on_exit(frame);
  }
}

void DaemonEnd::Impl::on_greeting(const Frame& frame) {
  if (frame.type != FrameType::hello) return;
  auto hello = decode_hello(frame.payload);
  if (!hello) return;
  raw(Stream::out, marker_.flush());
  if (!speaks(protocol_version, hello->version)) return refuse(*hello);
  state_ = State::agent;
  version_ = hello->version;
  events_.push_back(std::move(*hello));
}

void DaemonEnd::Impl::refuse(const Hello& agent) {
  state_ = State::refused;
  version_ = agent.version;
  unconfirmed_.clear();
  events_.push_back(Unsupported{agent.version, agent.agent_version});
}

void DaemonEnd::Impl::on_resumed(const Frame& frame) {
  if (sync_ != Sync::asked || frame.number > max_offset) return;
  const auto answer = decode_resumed(frame.payload);
  if (!answer) return;
  const auto& echo = answer->echo;
  // An answer to somebody who knew more would leave out what this daemon lacks.
  if (echo && (echo->offset != expected_ || echo->exits != exits_seen_)) return;
  if (!speaks(protocol_version, answer->hello.version)) return refuse(answer->hello);
  sync_ = Sync::in_order;
  gap_ = false;
  version_ = answer->hello.version;
  if (std::exchange(continuing_, false)) last_command_ = confirmed_ = frame.confirm;
  Resumed event{.offset = frame.number,
                .confirmed = frame.confirm,
                .version = version_,
                .agent_version = answer->hello.agent_version};
  // More than was asked for: what lies between is lost, the agent has nothing older.
  event.lost = std::max(expected_, frame.number) - expected_;
  expected_ += event.lost;
  if (echo && echo->exits_before < max_offset)
    event.lost_exits = std::max(exits_seen_, echo->exits_before) - exits_seen_;
  exits_seen_ += event.lost_exits;
  events_.push_back(std::move(event));
}

void DaemonEnd::Impl::on_output(const Frame& frame) {
  if (frame.flags != static_cast<std::uint8_t>(Stream::out) &&
      frame.flags != static_cast<std::uint8_t>(Stream::err))
    return;
  if (frame.number > max_offset) return;
  if (frame.number > expected_) {
    gap_ = true;
    return;
  }
  const auto known = expected_ - frame.number;
  if (known >= frame.payload.size()) return;
  const auto bytes = frame.payload.substr(static_cast<std::size_t>(known));
  const auto stream = static_cast<Stream>(frame.flags);
  const auto offset = std::exchange(expected_, expected_ + bytes.size());
  if (!events_.empty()) {
    auto* last = std::get_if<Output>(&events_.back());
    if (last && last->stage == frame.stage && last->stream == stream &&
        last->offset + last->bytes.size() == offset && last->bytes.size() < joined_size) {
      if (last->bytes.size() + bytes.size() > last->bytes.capacity())
        last->bytes.reserve(joined_size + max_payload);
      last->bytes += bytes;
      return;
    }
  }
  events_.push_back(Output{frame.stage, stream, offset, std::string{bytes}});
}

void DaemonEnd::Impl::on_exit(const Frame& frame) {
  auto placed = decode_exit(frame.stage, frame.payload);
  if (!placed || frame.number <= exits_seen_) return;
  if (frame.number > exits_seen_ + 1 || placed->position > expected_) {
    gap_ = true;
    return;
  }
  ++exits_seen_;
  events_.push_back(std::move(placed->exit));
}

std::string DaemonEnd::Impl::bootstrap(std::string_view helper_dir, const AgentOptions& options) {
  bootstrap_ = bootstrap_line(helper_dir, mark_text_, options);
  ++bootstraps_;
  return bootstrap_;
}

void DaemonEnd::Impl::require_resumed() const {
  if (continuing_) throw std::logic_error{"a command for an agent that has not resumed yet"};
}

/// A command by itself. Nothing for an agent that is not understood.
std::string DaemonEnd::Impl::command(FrameType type, std::uint32_t stage, std::uint8_t flags,
                                     std::string_view payload) {
  require_resumed();
  if (state_ == State::refused) return {};
  auto bytes = fill_up_to(reserved_);
  bytes += numbered(type, stage, flags, payload);
  return bytes;
}

/// Commands that do nothing, for numbers that the earlier process has used.
std::string DaemonEnd::Impl::fill_up_to(std::uint64_t number) {
  std::string bytes;
  while (last_command_ < number)
    bytes += numbered(FrameType::signal, 0, static_cast<std::uint8_t>(Signal::terminate), {});
  return bytes;
}

std::string DaemonEnd::Impl::numbered(FrameType type, std::uint32_t stage, std::uint8_t flags,
                                      std::string_view payload) {
  auto bytes = encode(mark_, {type, flags, stage, ++last_command_, 0, payload});
  unconfirmed_.emplace_back(last_command_, bytes);
  return bytes;
}

std::string DaemonEnd::Impl::control(FrameType type, std::uint64_t number,
                                     std::string_view payload) const {
  return encode(mark_, {type, 0, 0, number, 0, payload});
}

std::string DaemonEnd::Impl::run(const Stage& stage) {
  require_resumed();
  if (state_ == State::refused) return {};
  auto bytes = fill_up_to(reserved_);
  bytes += parts_from(stage, StageParts{stage}, 0);
  return bytes;
}

std::string DaemonEnd::Impl::continue_run(const Stage& stage, std::uint64_t commands_before) {
  require_resumed();
  if (state_ == State::refused) return {};
  const StageParts parts{stage};
  if (confirmed_ >= commands_before + parts.count()) return {};
  auto bytes = fill_up_to(commands_before);
  const auto confirmed_parts = confirmed_ > commands_before ? confirmed_ - commands_before : 0;
  // After other commands the numbers of the rest are taken: all of it anew. What the agent has of
  // it is discarded by the new first frame.
  const bool in_place = last_command_ == commands_before + confirmed_parts;
  bytes += parts_from(stage, parts, in_place ? confirmed_parts : 0);
  return bytes;
}

std::string DaemonEnd::Impl::parts_from(const Stage& stage, const StageParts& parts,
                                        std::size_t first) {
  std::string bytes;
  for (auto part = first; part < parts.count(); ++part)
    bytes += numbered(FrameType::run, stage.id, part == 0 ? 1 : 0, parts.payload(part));
  return bytes;
}

std::string DaemonEnd::Impl::resume() {
  if (state_ == State::plain || state_ == State::refused) return {};
  if (state_ == State::booting) {
    if (bootstrap_.empty()) return {};
    ++bootstraps_;
    return bootstrap_;
  }
  parser_.reset();
  sync_ = Sync::asked;
  gap_ = false;
  std::string bytes(max_frame, mark_.filler());
  bytes += control(FrameType::resume, expected_, encode_resume(exits_seen_));
  for (const auto& [number, frame] : unconfirmed_) bytes += frame;
  return bytes;
}

DaemonEnd::DaemonEnd(std::string mark) : impl_{std::make_unique<Impl>(std::move(mark))} {}
DaemonEnd::DaemonEnd(std::string mark, Continuation from)
    : impl_{std::make_unique<Impl>(std::move(mark), from)} {}
DaemonEnd::~DaemonEnd() = default;
DaemonEnd::DaemonEnd(DaemonEnd&&) noexcept = default;
DaemonEnd& DaemonEnd::operator=(DaemonEnd&&) noexcept = default;

std::string DaemonEnd::bootstrap(std::string_view helper_dir, const AgentOptions& options) const {
  return impl_->bootstrap(helper_dir, options);
}
void DaemonEnd::receive(Stream stream, std::string_view bytes) {
  impl_->receive(stream, bytes);
}
void DaemonEnd::receive_eof() {
  impl_->receive_eof();
}
std::optional<Event> DaemonEnd::next() {
  return impl_->next();
}
const Event* DaemonEnd::peek() const {
  return impl_->peek();
}
std::string DaemonEnd::run(const Stage& stage) {
  return impl_->run(stage);
}
std::string DaemonEnd::continue_run(const Stage& stage, std::uint64_t commands_before) {
  return impl_->continue_run(stage, commands_before);
}
std::string DaemonEnd::signal(std::uint32_t stage, Signal signal) {
  return impl_->command(FrameType::signal, stage, static_cast<std::uint8_t>(signal), {});
}
std::string DaemonEnd::ack(std::uint64_t offset) {
  impl_->acknowledge(offset);
  return impl_->control(FrameType::ack, offset);
}
std::string DaemonEnd::ping() {
  return impl_->control(FrameType::ping, impl_->acknowledged());
}
std::string DaemonEnd::quit(int code) {
  ByteWriter payload;
  payload.number(static_cast<std::int32_t>(code));
  return impl_->command(FrameType::quit, 0, 0, payload.take());
}
std::string DaemonEnd::resume() {
  return impl_->resume();
}
bool DaemonEnd::needs_resume() const {
  return impl_->gap();
}
std::uint64_t DaemonEnd::next_offset() const {
  return impl_->delivered();
}
std::uint64_t DaemonEnd::exits_taken() const {
  return impl_->exits_taken();
}
std::uint64_t DaemonEnd::commands_sent() const {
  return impl_->commands_sent();
}
int DaemonEnd::version() const {
  return impl_->version();
}

}  // namespace slipway::agent
