#include "gitlab_api/answers.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

#include "gitlab_api/error_text.hpp"

namespace slipway::gitlab_api {

namespace {

constexpr std::chrono::seconds largest_interval{900};
constexpr std::size_t longest_status = 32;

/// All of `text` as a decimal integer.
template <class Integer>
std::optional<Integer> integer(std::string_view text) {
  Integer value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<std::chrono::seconds> update_interval(const Answer& answer) {
  const auto text = answer.headers.get("X-GitLab-Trace-Update-Interval");
  if (text.empty()) return std::nullopt;
  const auto seconds = integer<std::int64_t>(text);
  if (!seconds) {
    spdlog::warn("trace update interval ignored value=\"{}\"", printable(text, 32));
    return std::nullopt;
  }
  if (*seconds <= 0) return std::nullopt;
  return std::min(std::chrono::seconds{*seconds}, largest_interval);
}

JobSignals signals(const Answer& answer) {
  const auto state = answer.headers.get("Job-Status");
  JobSignals out;
  out.abort = state == "canceled" || state == "failed" || answer.status == 403;
  out.cancel_requested = !out.abort && state == "canceling";
  out.update_interval = update_interval(answer);
  return out;
}

/// `0-120` → 120; anything else → 0.
std::uint64_t stored_size(const std::string& range) {
  const auto dash = range.find('-');
  if (dash == std::string::npos) return 0;
  return integer<std::uint64_t>(std::string_view{range}.substr(dash + 1)).value_or(0);
}

}  // namespace

CallResult call_result(const Answer& answer, int expected) {
  CallResult result{Status::failed, answer.status, answer.text, answer.correlation_id,
                    answer.attempts};
  if (answer.client_error)
    result.status = Status::client_error;
  else if (answer.status == expected)
    result.status = Status::ok;
  else if (answer.status == 403)
    result.status = Status::forbidden;
  else if (answer.status == 503)
    result.status = Status::unavailable;
  return result;
}

DecodedRunner decode_runner(const Answer& answer, int expected) {
  DecodedRunner out;
  out.result.call = call_result(answer, expected);
  if (out.result.call.status != Status::ok) return out;
  out.result.call.status = Status::failed;
  if (!answer.is_json() || answer.cut) {
    out.result.call.text += answer.cut ? ": the answer is incomplete" : ": the answer is not JSON";
    return out;
  }
  const auto json = nlohmann::json::parse(answer.body, nullptr, /*allow_exceptions=*/false);
  const auto given = [&json](const char* key) {
    const auto value = json.find(key);
    return value != json.end() && !value->is_null() ? &*value : nullptr;
  };
  bool fits = json.is_object();
  if (fits) {
    const auto* id = given("id");
    const auto* token = given("token");
    const auto* expires = given("token_expires_at");
    fits = (!id || id->is_number_integer()) && (!token || token->is_string()) &&
           (!expires || expires->is_string());
    if (fits) {
      out.result.id = id ? id->get<std::int64_t>() : 0;
      out.result.token = util::Secret{token ? token->get<std::string>() : ""};
      out.result.token_expires_at = expires ? expires->get<std::string>() : "";
    }
  }
  if (!fits) {
    out.result.call.text += ": the answer cannot be read";
    return out;
  }
  out.result.call.status = Status::ok;
  out.decoded = true;
  return out;
}

JobRequestResult job_request_result(const Answer& answer) {
  using Kind = JobRequestResult::Kind;
  JobRequestResult result;
  result.call = call_result(answer, 201);
  switch (result.call.status) {
    case Status::ok:
      break;
    case Status::forbidden:
      result.kind = Kind::forbidden;
      return result;
    case Status::client_error:
      result.kind = Kind::client_error;
      return result;
    default:
      result.kind = answer.status == 204 ? Kind::none : Kind::failed;
      if (answer.status == 204) result.call.status = Status::ok;
      return result;
  }
  result.call.status = Status::failed;
  if (!answer.is_json() || answer.cut) {
    result.call.text += answer.cut ? ": the answer is incomplete or too long"
                                   : ": the answer is not JSON (Content-Type)";
    return result;
  }
  auto payload = job::parse_payload(answer.body);
  if (payload.job) {
    result.kind = Kind::job;
    result.call.status = Status::ok;
    result.job = std::move(payload.job);
    result.payload = std::move(answer.body);
    return result;
  }
  result.call.text += ": the job cannot be read: " + printable(payload.error.text, 512);
  if (payload.error.id != 0 && !payload.error.token.empty()) {
    result.kind = Kind::unusable;
    result.unusable = std::move(payload.error);
  }
  return result;
}

bool is_passing(int http_status) {
  return http_status == 0 || http_status == 408 || http_status == 429 || http_status >= 500;
}

PatchResult patch_result(const Answer& answer, std::uint64_t start, std::uint64_t end) {
  using Kind = PatchResult::Kind;
  PatchResult result;
  result.offset = start;
  result.signals = signals(answer);
  result.text = answer.text;
  result.http_status = answer.status;
  if (result.signals.abort) {
    result.kind = Kind::aborted;
  } else if (answer.status == 202) {
    result.kind = Kind::accepted;
    result.offset = end;
  } else if (answer.status == 404 || answer.status == 410) {
    result.kind = Kind::not_found;
  } else if (answer.status == 416) {
    result.kind = Kind::range_mismatch;
    result.offset = stored_size(answer.headers.get("Range"));
  }
  return result;
}

UpdateResult update_result(const Answer& answer) {
  using Kind = UpdateResult::Kind;
  UpdateResult result;
  result.signals = signals(answer);
  result.text = answer.text;
  result.http_status = answer.status;
  result.job_status = answer.headers.get("Job-Status").substr(0, longest_status);
  if (result.signals.abort) {
    result.kind = Kind::aborted;
  } else if (answer.status == 200) {
    result.kind = Kind::succeeded;
  } else if (answer.status == 202) {
    result.kind = Kind::not_completed;
  } else if (answer.status == 412) {
    result.kind = Kind::validation_failed;
  } else if (answer.status == 404 || answer.status == 410 || answer.client_error) {
    result.kind = Kind::aborted;
    result.signals.abort = true;
  }
  return result;
}

}  // namespace slipway::gitlab_api
