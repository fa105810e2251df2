#include "agent/messages.hpp"

#include "agent/bytes.hpp"

namespace slipway::agent {
namespace {

constexpr std::size_t max_version_text = 64;

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

std::string encode_exit(const Exit& exit, std::uint64_t position) {
  ByteWriter out;
  out.number(position);
  out.number(static_cast<std::int32_t>(exit.code));
  out.number(static_cast<std::int32_t>(exit.signal));
  out.number(static_cast<std::uint8_t>(exit.limit_reached));
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
  placed.exit.limit_reached = in.number<std::uint8_t>() != 0;
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

}  // namespace slipway::agent
