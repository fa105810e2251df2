#include "agent/daemon_end.hpp"

#include <algorithm>
#include <deque>
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

}  // namespace

class DaemonEnd::Impl : FrameSink {
 public:
  explicit Impl(std::string mark)
      : mark_text_{std::move(mark)},
        mark_{mark_text_},
        parser_{mark_},
        marker_{plain_marker(mark_text_)} {}

  void receive(Stream stream, std::string_view bytes);
  void receive_eof();
  std::optional<Event> next();
  std::string bootstrap(std::string_view helper_dir, const AgentOptions& options);
  std::string run(const Stage& stage);
  std::string numbered(FrameType type, std::uint32_t stage, std::uint8_t flags,
                       std::string_view payload);
  std::string control(FrameType type, std::uint64_t number, std::string_view payload = {}) const;
  std::string resume();

  std::uint64_t delivered() const { return delivered_; }
  std::uint64_t acknowledged() const { return acknowledged_; }
  void acknowledge(std::uint64_t offset) { acknowledged_ = std::max(acknowledged_, offset); }
  bool gap() const { return gap_; }

 private:
  enum class State { booting, plain, agent };

  void on_frame(const Frame& frame) override;
  void on_foreign(std::string_view bytes) override;
  void on_greeting(const Frame& frame);
  void on_resumed(const Frame& frame);
  void on_output(const Frame& frame);
  void on_exit(const Frame& frame);
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
  bool awaiting_resumed_ = false;
  bool gap_ = false;
  std::uint64_t expected_ = 0;   ///< the next output byte to come from the agent
  std::uint64_t delivered_ = 0;  ///< the next one to come out of next()
  std::uint64_t acknowledged_ = 0;
  std::uint64_t exits_seen_ = 0;

  std::uint64_t last_command_ = 0;
  std::deque<std::pair<std::uint64_t, std::string>> unconfirmed_;
};

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
  if (const auto* output = std::get_if<Output>(&*event))
    delivered_ = output->offset + output->bytes.size();
  return event;
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
  } else if (!awaiting_resumed_) {
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
  if (state_ == State::plain) return;
  if (state_ == State::booting) return on_greeting(frame);
  while (!unconfirmed_.empty() && unconfirmed_.front().first <= frame.confirm)
    unconfirmed_.pop_front();
  if (frame.type == FrameType::resumed) return on_resumed(frame);
  if (awaiting_resumed_ || gap_) return;
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
  state_ = State::agent;
  events_.push_back(std::move(*hello));
}

void DaemonEnd::Impl::on_resumed(const Frame& frame) {
  if (!awaiting_resumed_) return;
  awaiting_resumed_ = false;
  gap_ = false;
  // More than was asked for: what lies between is lost, the agent has nothing older.
  expected_ = std::max(expected_, frame.number);
  events_.push_back(Resumed{frame.number});
}

void DaemonEnd::Impl::on_output(const Frame& frame) {
  if (frame.flags != static_cast<std::uint8_t>(Stream::out) &&
      frame.flags != static_cast<std::uint8_t>(Stream::err))
    return;
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
  const auto message = encode_stage(stage);
  ByteWriter first;
  first.number(static_cast<std::uint32_t>(std::min<std::size_t>(message.size(), ~0u)));
  auto rest = std::string_view{message};
  const auto cut = [&rest](std::size_t size) {
    const auto part = rest.substr(0, size);
    rest.remove_prefix(part.size());
    return part;
  };
  first.raw(cut(max_payload - sizeof(std::uint32_t)));
  auto bytes = numbered(FrameType::run, stage.id, 1, first.take());
  if (message.size() > max_stage_message) return bytes;  // the agent refuses it by its size
  while (!rest.empty()) bytes += numbered(FrameType::run, stage.id, 0, cut(max_payload));
  return bytes;
}

std::string DaemonEnd::Impl::resume() {
  if (state_ == State::plain) return {};
  if (state_ == State::booting) {
    if (bootstrap_.empty()) return {};
    ++bootstraps_;
    return bootstrap_;
  }
  parser_.reset();
  awaiting_resumed_ = true;
  gap_ = false;
  std::string bytes(max_frame, mark_.filler());
  ByteWriter exits;
  exits.number(exits_seen_);
  bytes += control(FrameType::resume, expected_, exits.take());
  for (const auto& [number, frame] : unconfirmed_) bytes += frame;
  return bytes;
}

DaemonEnd::DaemonEnd(std::string mark) : impl_{std::make_unique<Impl>(std::move(mark))} {}
DaemonEnd::~DaemonEnd() = default;
DaemonEnd::DaemonEnd(DaemonEnd&&) noexcept = default;

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
std::string DaemonEnd::run(const Stage& stage) {
  return impl_->run(stage);
}
std::string DaemonEnd::signal(std::uint32_t stage, Signal signal) {
  return impl_->numbered(FrameType::signal, stage, static_cast<std::uint8_t>(signal), {});
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
  return impl_->numbered(FrameType::quit, 0, 0, payload.take());
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

}  // namespace slipway::agent
