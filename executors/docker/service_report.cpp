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

void ServiceLines::print(job::LogKind kind, std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  log_.write(job::LogStream::service, kind, fmt::format("{}{}\x1b[0;m\n", prefix_, line));
}

}  // namespace slipway::executors::docker
