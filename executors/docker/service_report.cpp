#include "executors/docker/service_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "job/failure.hpp"

namespace slipway::executors::docker {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t checked_ports = 20;
constexpr std::size_t longest_line = 64u << 10;
/// Of a HEALTHCHECK that names none.
constexpr auto default_interval = 30s;

constexpr auto disorder = 2s;

/// The number that is the whole of `text`, digits alone.
std::optional<int> number(std::string_view text) {
  int value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return value;
}

/// `Z` or `+hh:mm`.
std::optional<std::chrono::minutes> zone_offset(std::string_view text) {
  if (text == "Z") return 0min;
  if (text.size() != 6 || text[3] != ':' || (text[0] != '+' && text[0] != '-')) return std::nullopt;
  const auto hours = number(text.substr(1, 2));
  const auto minutes = number(text.substr(4));
  if (!hours || !minutes) return std::nullopt;
  const auto offset = std::chrono::hours{*hours} + std::chrono::minutes{*minutes};
  return text[0] == '-' ? -offset : offset;
}

std::string trimmed(std::string_view text) {
  constexpr auto blank = " \t\r\n";
  const auto begin = text.find_first_not_of(blank);
  if (begin == std::string_view::npos) return "";
  return std::string{text.substr(begin, text.find_last_not_of(blank) + 1 - begin)};
}

}  // namespace

std::optional<std::string> env_value(const std::vector<std::string>& env, std::string_view key) {
  std::optional<std::string> value;
  for (const auto& entry : env) {
    const auto equals = entry.find('=');
    if (equals == std::string::npos || equals != key.size()) continue;
    const bool same = std::equal(key.begin(), key.end(), entry.begin(), [](char a, char b) {
      return a == static_cast<char>(std::toupper(static_cast<unsigned char>(b)));
    });
    if (same) value = entry.substr(equals + 1);
  }
  return value;
}

std::vector<int> ports_to_check(const docker_api::ContainerDetails& container) {
  const auto wanted = env_value(container.env, "HEALTHCHECK_TCP_PORT");
  if (!wanted) {
    auto ports = container.exposed_tcp_ports;
    if (ports.size() > checked_ports) ports.resize(checked_ports);
    return ports;
  }
  int port = 0;
  const auto [end, error] = std::from_chars(wanted->data(), wanted->data() + wanted->size(), port);
  if (error != std::errc{} || end != wanted->data() + wanted->size() || port < 1 || port > 65535)
    throw job::Failure{job::FailureReason::runner_system_failure,
                       fmt::format("invalid health check tcp port: {}", *wanted)};
  return {port};
}

bool has_timely_healthcheck(const docker_api::ContainerDetails& container,
                            std::chrono::seconds limit) {
  if (container.health.empty() || container.health == "none") return false;
  const auto interval = container.health_interval;
  return (interval.count() > 0 ? interval : std::chrono::nanoseconds{default_interval}) < limit;
}

std::string unhealthy_block(const UnhealthyService& service) {
  auto block = fmt::format(
      "\n\x1b[0;33m*** WARNING:\x1b[0;m Service {} probably didn't start properly.\n\nHealth check "
      "error:\n{}\n",
      service.name, service.error);
  if (service.check_log)
    block += fmt::format("\nHealth check container logs:\n{}\n", trimmed(*service.check_log));
  block += fmt::format("\nService container logs:\n{}\n\n", trimmed(service.service_log));
  if (!service.hint.empty()) block += service.hint + "\n\n";
  return block + "\x1b[0;33m*********\x1b[0;m\n\n";
}

std::optional<LogTime> log_time(std::string_view line) {
  constexpr std::string_view form = "yyyy-mm-ddThh:mm:ss";
  const auto text = line.substr(0, line.find(' '));
  if (text.size() <= form.size() || text.size() > form.size() + 16) return std::nullopt;
  for (const std::size_t at : {4u, 7u, 10u, 13u, 16u})
    if (text[at] != form[at]) return std::nullopt;
  const auto part = [&](std::size_t at, std::size_t size) { return number(text.substr(at, size)); };
  const auto year = part(0, 4), month = part(5, 2), day = part(8, 2);
  const auto hour = part(11, 2), minute = part(14, 2), second = part(17, 2);
  if (!year || !month || !day || !hour || !minute || !second) return std::nullopt;
  auto rest = text.substr(form.size());
  std::chrono::nanoseconds fraction{0};
  if (rest.starts_with('.')) {
    const auto digits = rest.substr(1, rest.find_first_not_of("0123456789", 1) - 1);
    if (digits.empty() || digits.size() > 9) return std::nullopt;
    fraction =
        std::chrono::nanoseconds{*number(std::string{digits}.append(9 - digits.size(), '0'))};
    rest.remove_prefix(digits.size() + 1);
  }
  const auto offset = zone_offset(rest);
  const std::chrono::year_month_day date{std::chrono::year{*year},
                                         std::chrono::month{static_cast<unsigned>(*month)},
                                         std::chrono::day{static_cast<unsigned>(*day)}};
  if (!offset || !date.ok() || *year < 1970 || *year > 2200) return std::nullopt;
  return std::chrono::sys_days{date} + std::chrono::hours{*hour} + std::chrono::minutes{*minute} +
         std::chrono::seconds{*second} + fraction - *offset;
}

ServiceLines::ServiceLines(JobLog& log, const std::vector<std::string>& aliases)
    : log_{log}, prefix_{fmt::format("\x1b[0;37m[service:{}] ", fmt::join(aliases, "-"))} {}

void ServiceLines::add(job::LogKind kind, std::string_view bytes) {
  auto& held = held_[kind];
  while (!bytes.empty()) {
    const auto end = bytes.find('\n');
    const auto line = bytes.substr(0, end);
    held += line.substr(0, longest_line - std::min(held.size(), longest_line));
    if (end == std::string_view::npos) return;
    print(kind, held);
    held.clear();
    bytes.remove_prefix(end + 1);
  }
}

void ServiceLines::finish() {
  for (auto& [kind, held] : held_)
    if (!held.empty()) print(kind, held);
  held_.clear();
}

void ServiceLines::resume() {
  held_.clear();
  printed_ = last_;
}

/// Lines of both streams come nearly in the order of their times.
std::optional<std::chrono::sys_seconds> ServiceLines::since() const {
  std::optional<LogTime> latest;
  for (const auto& [kind, time] : last_) latest = std::max(latest.value_or(time), time);
  if (!latest) return std::nullopt;
  return std::chrono::floor<std::chrono::seconds>(*latest) - disorder;
}

void ServiceLines::print(job::LogKind kind, std::string_view line) {
  if (const auto time = log_time(line)) {
    const auto printed = printed_.find(kind);
    if (printed != printed_.end() && *time <= printed->second) return;
    last_[kind] = *time;
  }
  ++count_;
  if (line.ends_with('\r')) line.remove_suffix(1);
  log_.write(job::LogStream::service, kind, fmt::format("{}{}\x1b[0;m\n", prefix_, line));
}

}  // namespace slipway::executors::docker
