// Waiting until a job's services answer, and saying which of them do not.

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "executors/docker/docker_executor.hpp"
#include "executors/docker/service_report.hpp"
#include "job/git_stage.hpp"
#include "job/log_lines.hpp"
#include "util/async.hpp"

namespace slipway::executors::docker {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t longest_answer = 65536;
constexpr std::chrono::milliseconds first_health_poll = 200ms;
constexpr std::chrono::milliseconds last_health_poll = 1s;
constexpr std::chrono::milliseconds time_to_fail = 1s;

/// All containers of the job share one network namespace: that of another container, or the host's.
bool is_shared_network(std::string_view mode) {
  return mode == "host" || mode.starts_with("container:");
}

}  // namespace

job::ServiceCheck DockerExecutor::service_check(std::size_t index) const {
  const auto& planned = plan_.services[index];
  const auto& service = services_[index];
  job::ServiceCheck check;
  check.name = planned.container.name;
  check.addresses = service.addresses;
  if (is_shared_network(planned.container.network_mode)) check.addresses = {"127.0.0.1", "::1"};
  check.ports = service.ports;
  check.dind = planned.is_dind && plan_.dind_readiness;
  check.dind_tls = check.dind && !service.cert_dir.empty();
  check.cert_dir = service.cert_dir + "/client";
  if (planned.docker_host.starts_with("unix://")) check.unix_socket = planned.docker_host.substr(7);
  return check;
}

bool DockerExecutor::is_asked_by_engine(std::size_t service) const {
  const bool asks_dind = plan_.services[service].is_dind && plan_.dind_readiness;
  return services_[service].has_healthcheck && !asks_dind;
}

/// Whether the build container's entrypoint can do without what the services will have done: there
/// is none, or it is the official images', which looks for the certificates of an engine and no
/// further.
bool DockerExecutor::build_may_start_early() const {
  if (!agent_due() || !plan_.build_refused.empty()) return false;
  const auto& entrypoint = build_entrypoint();
  if (entrypoint.empty()) return true;
  const auto& program = entrypoint.front();
  if (program.substr(program.rfind('/') + 1) != "docker-entrypoint.sh") return false;
  for (std::size_t i = 0; i < services_.size(); ++i)
    if (!plan_.services[i].is_dind || !services_[i].certificates_ready) return false;
  return true;
}

/// An agent that asks the services from inside the job, where no helper is needed for anything
/// else: in the build container, if that may start before they answer.
asio::awaitable<void> DockerExecutor::bring_observer() {
  if (plan_.wait_for_services < 0s) co_return;
  bool asked = false;
  for (std::size_t i = 0; i < services_.size(); ++i) asked = asked || !is_asked_by_engine(i);
  if (!asked) co_return;
  if (build_may_start_early()) {
    const auto* build = co_await running_build();
    if (build->mode() == AgentContainer::Mode::agent) co_return;
  }
  co_await start_helper();
}

void DockerExecutor::announce_wait() {
  if (services_.empty() || plan_.wait_for_services < 0s) return;
  log_.plain(fmt::format("Waiting for services to be up and running (timeout {} seconds)...",
                         plan_.wait_for_services.count()));
}

asio::awaitable<void> DockerExecutor::wait_for_services() {
  if (services_.empty() || plan_.wait_for_services < 0s) co_return;
  std::vector<HealthResult> results(services_.size());
  std::vector<asio::awaitable<void>> checks;
  for (std::size_t i = 0; i < services_.size(); ++i) checks.push_back(check_service(i, results[i]));
  co_await util::run_all(std::move(checks));
  for (std::size_t i = 0; i < services_.size(); ++i)
    if (!results[i].error.empty()) co_await report_unhealthy(i, results[i]);
}

/// `result.error` stays empty if the service answers; a service that ends is known at once, not
/// after the whole limit.
asio::awaitable<void> DockerExecutor::check_service(std::size_t index, HealthResult& result) {
  const auto& planned = plan_.services[index];
  const auto& id = services_[index].id;
  const bool by_engine = is_asked_by_engine(index);
  const auto stage = next_stage_++;
  std::int64_t exit_code = 0;
  auto asking = by_engine ? await_healthcheck(index, result) : ask_health(index, stage, result);
  auto watching = watch_end(id, exit_code);
  const auto first = co_await util::first_of(std::move(asking), std::move(watching));
  if (first != 1) co_return;
  if (!by_engine) observer().abandon(stage);
  result = {};
  bool out_of_memory = false;
  try {
    const auto details = co_await client_.inspect_container(id);
    out_of_memory = details.oom_killed;
  } catch (const docker_api::EngineError& error) {
    spdlog::debug("looking at a service: {}", error.what());
  } catch (const net::Error& error) {
    spdlog::debug("looking at a service: {}", error.what());
  }
  services_[index].end_told = true;
  result.error = fmt::format("service \"{}\" ended with exit code {}{}", planned.container.name,
                             exit_code, memory_hint(out_of_memory));
}

/// By the agent beside the job: its ports, or the engine in it.
asio::awaitable<void> DockerExecutor::ask_health(std::size_t index, std::uint32_t stage,
                                                 HealthResult& result) {
  const auto& name = plan_.services[index].container.name;
  job::ServiceHealthParameters parameters;
  parameters.timeout_seconds = static_cast<int>(plan_.wait_for_services.count());
  parameters.services.push_back(service_check(index));
  agent::Stage request;
  request.id = stage;
  request.kind = agent::Stage::Kind::native;
  request.name = "service_health";
  request.body = nlohmann::json(parameters).dump();
  request.limit = plan_.wait_for_services + 10s;
  std::string output;
  const AgentContainer::Capture capture = [&output](agent::Stream stream, std::string_view bytes) {
    if (stream == agent::Stream::out && output.size() < longest_answer) output += bytes;
  };
  co_await observer().run(std::move(request), capture);
  const auto parsed = nlohmann::json::parse(output, nullptr, false);
  const auto errors = parsed.is_object() ? parsed.value("errors", nlohmann::json::array())
                                         : nlohmann::json::array();
  if (errors.size() != 1 || !errors[0].is_string()) {
    result.error = fmt::format("service \"{}-wait-for-service\" gave no answer", name);
    co_return;
  }
  const auto text = errors[0].get<std::string>();
  constexpr std::string_view timeout = "timeout";
  if (text.empty()) co_return;
  if (!text.starts_with(timeout)) {
    // Nothing to ask; but one that fails at once is then known to have failed.
    const std::chrono::milliseconds limit = plan_.wait_for_services;
    co_await util::sleep_for(std::min(limit, time_to_fail));
    result.error = fmt::format("service \"{}\" has {}", name, text);
    co_return;
  }
  result.error = fmt::format("service \"{}-wait-for-service\" timeout", name);
  const auto seen = text.find_first_not_of(": ", timeout.size());
  result.check_log = seen == std::string::npos ? "" : text.substr(seen);
}

/// By the image's own HEALTHCHECK, which the Engine runs.
asio::awaitable<void> DockerExecutor::await_healthcheck(std::size_t index, HealthResult& result) {
  const auto& name = plan_.services[index].container.name;
  const auto until = std::chrono::steady_clock::now() + plan_.wait_for_services;
  auto pause = first_health_poll;
  while (true) {
    docker_api::ContainerDetails details;
    try {
      details = co_await client_.inspect_container(services_[index].id);
    } catch (const docker_api::EngineError& error) {
      details.health = "unknown";
      details.health_output = error.what();
    } catch (const net::Error& error) {
      details.health = "unknown";
      details.health_output = error.what();
    }
    if (details.health == "healthy") co_return;
    const bool late = std::chrono::steady_clock::now() > until;
    if (late || details.health == "unhealthy") {
      result.error = late ? fmt::format("service \"{}-wait-for-service\" timeout", name)
                          : fmt::format("service \"{}\" is unhealthy by its HEALTHCHECK", name);
      result.check_log = fmt::format("HEALTHCHECK: {}\n{}", details.health, details.health_output);
      co_return;
    }
    co_await util::sleep_for(pause);
    pause = std::min(2 * pause, last_health_poll);
  }
}

asio::awaitable<void> DockerExecutor::watch_end(std::string id, std::int64_t& exit_code) {
  try {
    const auto result = co_await client_.wait_container(id);
    exit_code = result.status_code;
    co_return;
  } catch (const docker_api::EngineError& error) {
    spdlog::warn("watching a service: {}", error.what());
  } catch (const net::Error& error) {
    spdlog::warn("watching a service: {}", error.what());
  }
  // Nothing is known of its end: the health check decides within its own limit.
  co_await util::sleep_for(std::chrono::hours{24});
}

/// The documented warning block; the job goes on.
asio::awaitable<void> DockerExecutor::report_unhealthy(std::size_t index, HealthResult result) {
  const auto& planned = plan_.services[index];
  give_layers_up(services_[index]);
  UnhealthyService report;
  report.name = planned.container.name;
  report.error = std::move(result.error);
  report.check_log = std::move(result.check_log);
  try {
    report.service_log = co_await client_.last_logs(services_[index].id, true, shown_service_log);
  } catch (const docker_api::EngineError& error) {
    report.service_log = error.what();
  } catch (const net::Error& error) {
    report.service_log = error.what();
  }
  auto& shown = report.service_log;
  if (shown.size() == shown_service_log) shown.erase(0, shown.find('\n') + 1);
  if (planned.is_dind && !planned.container.privileged)
    report.hint = "A Docker-in-Docker service needs `privileged = true` in [runners.docker].";
  log_.write(job::LogStream::runner, job::LogKind::err, unhealthy_block(report));
}

}  // namespace slipway::executors::docker
