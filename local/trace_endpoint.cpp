#include "local/trace_endpoint.hpp"

#include <fmt/format.h>

#include <charconv>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "local/reply.hpp"
#include "util/crc32.hpp"

namespace slipway::local {

namespace {

struct Range {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
};

/// `<first>-<last>`, digits only.
std::optional<Range> parse_range(std::string_view text) {
  Range range;
  const auto* end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, range.first);
  if (first.ec != std::errc{} || first.ptr == end || *first.ptr != '-') return std::nullopt;
  const auto last = std::from_chars(first.ptr + 1, end, range.last);
  if (last.ec != std::errc{} || last.ptr != end || range.last < range.first) return std::nullopt;
  return range;
}

std::string checksum_text(std::uint32_t crc) {
  return fmt::format("crc32:{:08x}", crc);
}

StatusUpdate read_update(const net::Request& head, const nlohmann::json& body,
                         std::string_view raw) {
  StatusUpdate update;
  update.state = string_member(body, "state");
  update.failure_reason = string_member(body, "failure_reason");
  if (const auto code = body.find("exit_code"); code != body.end() && code->is_number_integer()) {
    const auto value = code->get<std::int64_t>();
    if (value >= std::numeric_limits<std::int32_t>::min() &&
        value <= std::numeric_limits<std::int32_t>::max())
      update.exit_code = static_cast<std::int32_t>(value);
  }
  if (const auto output = body.find("output"); output != body.end() && output->is_object()) {
    update.checksum = string_member(*output, "checksum");
    const auto size = output->find("bytesize");
    if (size != output->end() && size->is_number_unsigned())
      update.bytesize = size->get<std::uint64_t>();
  }
  update.body = raw;
  update.request_id = head.headers.get("X-Request-Id");
  update.user_agent = head.headers.get("User-Agent");
  return update;
}

constexpr std::size_t max_records = 100'000;

/// A loud job's log is moved rarely: memory that is not written to costs nothing.
void make_room(std::string& trace, std::size_t bytes) {
  constexpr std::size_t loud = 1u << 20;
  constexpr std::size_t growth = 8;
  const auto needed = trace.size() + bytes;
  if (needed > trace.capacity() && needed > loud) trace.reserve(needed * growth);
}

}  // namespace

net::Response JobReports::answer(const QueuedJob& job, int status) const {
  auto reply = status >= 400 ? message_reply(status) : empty_reply(status);
  reply.headers.set("Job-Status", std::string{to_string(job.record.state)});
  reply.headers.set("X-GitLab-Trace-Update-Interval",
                    std::to_string(options_.trace_update_interval.count()));
  return reply;
}

net::Response JobReports::patch_trace(QueuedJob& job, const net::Request& head,
                                      std::string_view body) {
  TracePatch patch;
  patch.bytes = body.size();
  patch.debug_trace = net::query_parameter(head.target, "debug_trace") == "true";
  patch.request_id = head.headers.get("X-Request-Id");
  patch.at = options_.now();
  net::Response reply;
  if (const auto range = parse_range(head.headers.get("Content-Range"))) {
    patch.first = range->first;
    patch.last = range->last;
    reply = append(job, patch, body);
  } else {
    reply = answer(job, is_final(job.record.state) ? 403 : 400);
  }
  patch.status = reply.status;
  if (job.record.patches.size() < max_records) job.record.patches.push_back(std::move(patch));
  job.changed.notify();
  return reply;
}

net::Response JobReports::append(QueuedJob& job, TracePatch& patch, std::string_view body) {
  auto& record = job.record;
  if (is_final(record.state)) return answer(job, 403);
  // A runner whose acceptance got lost on the way shows here that it has the job.
  jobs_.accept(job);
  const auto size = record.trace.size();
  // last - first cannot overflow, + 1 could.
  if (patch.first != size || body.empty() || patch.last - patch.first != body.size() - 1) {
    auto reply = answer(job, 416);
    reply.headers.set("Range", fmt::format("0-{}", size));
    return reply;
  }
  if (size + body.size() > options_.max_trace) return answer(job, 403);
  if (!record.first_trace_at) record.first_trace_at = patch.at;
  make_room(record.trace, body.size());
  record.trace += body;
  job.crc = util::crc32(body, job.crc);
  if (record.trace.size() > job.shown) {
    const auto fresh = std::string_view{record.trace}.substr(job.shown);
    job.shown = record.trace.size();
    if (sink_) sink_(record.id, fresh);
  }
  auto reply = answer(job, 202);
  reply.headers.set("Range", fmt::format("0-{}", record.trace.size()));
  return reply;
}

void JobReports::cut_trace(QueuedJob& job, std::uint64_t keep) {
  auto& trace = job.record.trace;
  if (keep >= trace.size()) return;
  trace.resize(keep);
  job.crc = util::crc32(trace);
  job.changed.notify();
}

net::Response JobReports::update(QueuedJob& job, const net::Request& head,
                                 const nlohmann::json& body, std::string_view raw) {
  auto update = read_update(head, body, raw);
  update.at = options_.now();
  net::Response reply;
  if (is_final(job.record.state)) {
    reply = answer(job, 403);
  } else if (update.state == "running" || update.state == "pending") {
    if (update.state == "running") jobs_.accept(job);
    reply = answer(job, 200);
  } else if (update.state == "success" || update.state == "failed") {
    reply = finish(job, update);
  } else {
    reply = answer(job, 400);
  }
  update.status = reply.status;
  if (job.record.updates.size() < max_records) job.record.updates.push_back(std::move(update));
  job.changed.notify();
  return reply;
}

net::Response JobReports::finish(QueuedJob& job, const StatusUpdate& update) {
  auto& record = job.record;
  const bool fits = update.checksum.empty() || (update.checksum == checksum_text(job.crc) &&
                                                update.bytesize.value_or(0) == record.trace.size());
  if (!fits && ++record.wrong_checksums == 1) {
    // The runner sends its whole log again from 0.
    record.trace.clear();
    job.crc = 0;
    return answer(job, 412);
  }
  record.reported_state = update.state;
  record.failure_reason = update.failure_reason;
  record.exit_code = update.exit_code;
  auto state = update.state == "success" ? JobState::success : JobState::failed;
  if (record.state == JobState::canceling) state = JobState::canceled;
  jobs_.finish(job, state);
  return answer(job, 200);
}

}  // namespace slipway::local
