#include "runner/journal_entry.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "job/log_lines.hpp"

namespace slipway::runner {

namespace {
using nlohmann::json;
using std::chrono::milliseconds;

constexpr const char* phases[] = {"taken", "preparing", "staged", "ended"};
constexpr const char* reasons[] = {"none", "canceled", "timed_out", "interrupted", "broken"};

template <class Enum, std::size_t count>
Enum enum_from(const json& name, const char* const (&names)[count], Enum fallback) {
  for (std::size_t i = 0; i < count; ++i)
    if (name == names[i]) return static_cast<Enum>(i);
  return fallback;
}

json to_json(const ClockReading& clock) {
  return {
      {"boot", clock.boot}, {"since_boot", clock.since_boot.count()}, {"wall", clock.wall.count()}};
}

ClockReading clock_from(const json& json) {
  ClockReading clock;
  clock.boot = json.at("boot").get<std::string>();
  clock.since_boot = milliseconds{json.at("since_boot").get<std::int64_t>()};
  clock.wall = milliseconds{json.at("wall").get<std::int64_t>()};
  return clock;
}

/// The filters' state is binary and may hold parts of secrets.
std::string hex(std::string_view bytes) {
  constexpr auto digits = "0123456789abcdef";
  std::string text;
  text.reserve(2 * bytes.size());
  for (const unsigned char byte : bytes) {
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

std::string unhex(const std::string& text) {
  const auto value = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::string bytes;
  bytes.reserve(text.size() / 2);
  for (std::size_t i = 0; i + 1 < text.size(); i += 2)
    bytes += static_cast<char>(value(text[i]) << 4 | value(text[i + 1]));
  return bytes;
}

json to_json(const gitlab_api::JobUpdate& update) {
  return {{"state", update.state},
          {"failure_reason", update.failure_reason},
          {"checksum", update.checksum},
          {"bytesize", update.bytesize},
          {"exit_code", update.exit_code}};
}

gitlab_api::JobUpdate update_from(const json& json) {
  gitlab_api::JobUpdate update;
  update.state = json.at("state").get<std::string>();
  update.failure_reason = json.at("failure_reason").get<std::string>();
  update.checksum = json.at("checksum").get<std::string>();
  update.bytesize = json.at("bytesize").get<std::uint64_t>();
  update.exit_code = json.at("exit_code").get<std::int32_t>();
  return update;
}
}  // namespace

const char* to_string(Phase phase) {
  return phases[static_cast<std::size_t>(phase)];
}

json to_json(const JournalHeader& header) {
  return {{"version", header.version},
          {"program", header.program},
          {"job", header.job},
          {"project", header.project},
          {"payload", header.payload},
          {"config", header.config},
          {"runner_name", header.runner_name},
          {"runner_url", header.runner_url},
          {"executor", header.executor},
          {"builds_dir", header.builds_dir},
          {"runner_token", header.runner_token.reveal()},
          {"slot", header.slots.global},
          {"project_slot", header.slots.project},
          {"received", to_json(header.received)}};
}

JournalHeader header_from(const json& json) {
  JournalHeader header;
  header.version = json.at("version").get<int>();
  header.program = json.at("program").get<std::string>();
  header.job = json.at("job").get<std::int64_t>();
  header.project = json.at("project").get<std::int64_t>();
  header.payload = json.at("payload").get<std::string>();
  header.config = json.at("config").get<std::string>();
  header.runner_name = json.at("runner_name").get<std::string>();
  header.runner_url = json.at("runner_url").get<std::string>();
  header.executor = json.value("executor", "");
  header.builds_dir = json.value("builds_dir", "");
  header.runner_token = util::Secret{json.at("runner_token").get<std::string>()};
  header.slots.global = json.at("slot").get<int>();
  header.slots.project = json.at("project_slot").get<int>();
  header.received = clock_from(json.at("received"));
  return header;
}

json to_json(const JournalEntry& state) {
  json json{{"phase", phases[static_cast<std::size_t>(state.phase)]},
            {"execution", state.execution},
            {"progress", to_json(state.progress)},
            {"stop_reason", reasons[static_cast<std::size_t>(state.stop_reason)]},
            {"stop_text", state.stop_text},
            {"executor", state.executor},
            {"trace_size", state.trace.size},
            {"trace_crc", state.trace.crc},
            {"trace_filter", hex(state.trace.filter)},
            {"sent", state.sent},
            {"accepted", state.accepted},
            {"delivered", state.delivered},
            {"cleaned", state.cleaned},
            {"age", state.age.count()},
            {"clock", to_json(state.clock)}};
  if (state.final_update) json["final_update"] = to_json(*state.final_update);
  return json;
}

JournalEntry state_from(const json& json) {
  JournalEntry state;
  state.phase = enum_from(json.at("phase"), phases, Phase::staged);
  state.execution = json.at("execution").get<std::string>();
  state.progress = progress_from(json.at("progress"));
  state.stop_reason = enum_from(json.at("stop_reason"), reasons, StopReason::broken);
  state.stop_text = json.at("stop_text").get<std::string>();
  state.executor = json.at("executor").get<std::string>();
  state.trace.size = json.at("trace_size").get<std::uint64_t>();
  state.trace.crc = json.at("trace_crc").get<std::uint32_t>();
  state.trace.filter = unhex(json.at("trace_filter").get<std::string>());
  state.sent = json.at("sent").get<std::uint64_t>();
  state.accepted = json.at("accepted").get<bool>();
  state.delivered = json.at("delivered").get<bool>();
  state.cleaned = json.at("cleaned").get<bool>();
  state.age = milliseconds{json.at("age").get<std::int64_t>()};
  state.clock = clock_from(json.at("clock"));
  if (json.contains("final_update")) state.final_update = update_from(json.at("final_update"));
  return state;
}

bool is_over(const JournalEntry& state) {
  return state.phase == Phase::ended && state.delivered && state.cleaned;
}

Recovery plan_recovery(const JournalEntry& state, milliseconds age, std::chrono::seconds timeout,
                       bool can_adopt) {
  using Way = Recovery::Way;
  if (state.phase == Phase::ended) return {Way::deliver, StopReason::none, ""};
  if (state.stop_reason != StopReason::none)
    return {Way::finish, state.stop_reason, state.stop_text};
  if (age >= timeout)
    return {Way::finish, StopReason::timed_out,
            fmt::format("execution took longer than {} seconds", job::duration_text(timeout))};
  if (!can_adopt)
    return {Way::finish, StopReason::broken,
            "slipway was stopped while the job ran, and the job's runner was set up on the command "
            "line of that process"};
  if (state.phase == Phase::staged) return {Way::adopt, StopReason::none, ""};
  return {Way::restart, StopReason::none, ""};
}

}  // namespace slipway::runner
