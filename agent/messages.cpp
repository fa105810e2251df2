#include "agent/messages.hpp"

#include <algorithm>

#include "agent/bytes.hpp"
#include "agent/frame.hpp"

namespace slipway::agent {
namespace {
// Why a stage ended, in *exit*.
constexpr std::uint8_t limit_reached_bit = 1;
constexpr std::uint8_t interrupted_bit = 2;
constexpr std::uint8_t out_of_memory_bit = 4;

constexpr std::size_t max_version_text = 64;
// The first frame of a stage has the message's size before its piece.
constexpr std::size_t first_part = max_payload - sizeof(std::uint32_t);

}  // namespace

std::string encode_stage(const Stage& stage) {
  ByteWriter out;
  out.reserve(stage.body.size() + 4096);
  out.number(static_cast<std::uint8_t>(stage.kind));
  out.number(static_cast<std::uint64_t>(stage.limit.count()));
  out.text(stage.name);
  out.text(stage.working_dir);
  out.number(static_cast<std::uint32_t>(stage.shell.size()));
  for (const auto& argument : stage.shell) out.text(argument);
  out.raw(stage.body);
  return out.take();
}

std::optional<Stage> decode_stage(std::uint32_t id, std::string message) {
  ByteReader in{message};
  Stage stage;
  stage.id = id;
  const auto kind = in.number<std::uint8_t>();
  if (kind > static_cast<std::uint8_t>(Stage::Kind::native)) return std::nullopt;
  stage.kind = static_cast<Stage::Kind>(kind);
  stage.limit = std::chrono::milliseconds{in.number<std::int64_t>()};
  stage.name = in.text();
  stage.working_dir = in.text();
  for (auto count = in.number<std::uint32_t>(); count > 0 && in.ok(); --count)
    stage.shell.emplace_back(in.text());
  if (!in.ok()) return std::nullopt;
  // In place: the body may be most of what the process has in memory.
  message.erase(0, message.size() - in.rest().size());
  stage.body = std::move(message);
  return stage;
}

std::size_t StageParts::count() const {
  if (message_.size() > max_stage_message || message_.size() <= first_part) return 1;
  return 1 + (message_.size() - first_part + max_payload - 1) / max_payload;
}

std::string StageParts::payload(std::size_t part) const {
  if (part > 0) return message_.substr(first_part + (part - 1) * max_payload, max_payload);
  ByteWriter out;
  out.number(static_cast<std::uint32_t>(std::min<std::size_t>(message_.size(), ~0u)));
  out.raw(std::string_view{message_}.substr(0, first_part));
  return out.take();
}

std::string encode_exit(const Exit& exit, std::uint64_t position) {
  ByteWriter out;
  out.number(position);
  out.number(static_cast<std::int32_t>(exit.code));
  out.number(static_cast<std::int32_t>(exit.signal));
  out.number(static_cast<std::uint8_t>((exit.limit_reached ? limit_reached_bit : 0) |
                                       (exit.interrupted ? interrupted_bit : 0) |
                                       (exit.out_of_memory ? out_of_memory_bit : 0)));
  out.number(static_cast<std::uint64_t>(exit.cpu.count()));
  out.number(exit.peak_memory_kib);
  out.text(std::string_view{exit.error}.substr(0, max_error_text));
  return out.take();
}

std::optional<PlacedExit> decode_exit(std::uint32_t stage, std::string_view payload) {
  ByteReader in{payload};
  PlacedExit placed;
  placed.exit.stage = stage;
  placed.position = in.number<std::uint64_t>();
  placed.exit.code = in.number<std::int32_t>();
  placed.exit.signal = in.number<std::int32_t>();
  const auto causes = in.number<std::uint8_t>();
  placed.exit.limit_reached = (causes & limit_reached_bit) != 0;
  placed.exit.interrupted = (causes & interrupted_bit) != 0;
  placed.exit.out_of_memory = (causes & out_of_memory_bit) != 0;
  placed.exit.cpu = std::chrono::milliseconds{in.number<std::int64_t>()};
  placed.exit.peak_memory_kib = in.number<std::uint64_t>();
  placed.exit.error = in.text().substr(0, max_error_text);
  if (!in.ok()) return std::nullopt;
  return placed;
}

std::string encode_hello(const Hello& hello) {
  ByteWriter out;
  out.number(static_cast<std::uint16_t>(hello.version));
  out.text(std::string_view{hello.agent_version}.substr(0, max_version_text));
  return out.take();
}

std::optional<Hello> decode_hello(std::string_view payload) {
  ByteReader in{payload};
  Hello hello;
  hello.version = in.number<std::uint16_t>();
  hello.agent_version = in.text().substr(0, max_version_text);
  if (!in.ok()) return std::nullopt;
  return hello;
}

std::string encode_resume(std::uint64_t exits) {
  ByteWriter out;
  out.number(exits);
  return out.take();
}

std::string encode_resumed(const ResumedPayload& resumed) {
  ByteWriter out;
  out.raw(encode_hello(resumed.hello));
  if (resumed.echo) {
    out.number(resumed.echo->offset);
    out.number(resumed.echo->exits);
    out.number(resumed.echo->exits_before);
  }
  return out.take();
}

std::optional<ResumedPayload> decode_resumed(std::string_view payload) {
  ByteReader in{payload};
  ResumedPayload resumed;
  resumed.hello.version = in.number<std::uint16_t>();
  resumed.hello.agent_version = in.text().substr(0, max_version_text);
  if (!in.ok()) return std::nullopt;
  ResumedPayload::Echo echo;
  echo.offset = in.number<std::uint64_t>();
  echo.exits = in.number<std::uint64_t>();
  echo.exits_before = in.number<std::uint64_t>();
  if (in.ok()) resumed.echo = echo;
  return resumed;
}

}  // namespace slipway::agent
