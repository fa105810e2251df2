// Services of a job: start, addresses, health.

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "executors/docker/docker_executor.hpp"
#include "job/failure.hpp"
#include "job/git_stage.hpp"
#include "job/log_lines.hpp"
#include "util/async.hpp"

namespace slipway::executors::docker {

namespace {

using job::Failure;
using job::FailureReason;
using namespace std::chrono_literals;

constexpr std::size_t checked_ports = 20;
constexpr std::size_t shown_log_bytes = 65536;
constexpr auto created_poll = 100ms;
constexpr int last_lines = 50;

std::optional<std::string> env_value(const std::vector<std::string>& env, std::string_view wanted) {
  std::optional<std::string> value;
  for (const auto& entry : env) {
    const auto equals = entry.find('=');
    if (equals == std::string::npos || equals != wanted.size()) continue;
    const bool same = std::equal(wanted.begin(), wanted.end(), entry.begin(), [](char a, char b) {
      return a == static_cast<char>(std::toupper(static_cast<unsigned char>(b)));
    });
    if (same) value = entry.substr(equals + 1);
  }
  return value;
}

/// HEALTHCHECK_TCP_PORT alone, else the exposed ports.
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
    throw Failure{FailureReason::runner_system_failure,
                  fmt::format("invalid health check tcp port: {}", *wanted)};
  return {port};
}

std::string trimmed(std::string text) {
  text.erase(0, text.find_first_not_of(" \t\r\n"));
  text.erase(text.find_last_not_of(" \t\r\n") + 1);
  return text;
}

}  // namespace

asio::awaitable<void> DockerExecutor::start_services() {
  for (const auto& planned : plan_.services) co_await start_service(planned);
}

asio::awaitable<void> DockerExecutor::start_service(const ServicePlan& planned) {
  log_.plain(fmt::format("Starting service {}...", planned.shown_name));
  const auto image = co_await resolve(planned.image);
  auto spec = planned.container;
  spec.image = image_reference(image);
  Service service;
  service.id = co_await create(spec);
  ++starts_;
  co_await engine_.start_container(service.id, log_);
  co_await learn_addresses(planned, service, image);
  services_.push_back(std::move(service));
}

asio::awaitable<void> DockerExecutor::learn_addresses(const ServicePlan& planned, Service& service,
                                                      const docker_api::ImageDetails& image) {
  const auto limit = std::max<std::chrono::seconds>(plan_.wait_for_services, 30s);
  const auto until = std::chrono::steady_clock::now() + limit;
  auto details = co_await client_.inspect_container(service.id);
  while (details.status == "created") {
    if (std::chrono::steady_clock::now() > until)
      throw Failure{
          FailureReason::runner_system_failure,
          fmt::format("service {} failed to start after {} s", planned.shown_name, limit.count())};
    co_await util::sleep_for(created_poll);
    details = co_await client_.inspect_container(service.id);
  }
  for (const auto& [network, addresses] : details.addresses)
    service.addresses.insert(service.addresses.end(), addresses.begin(), addresses.end());
  service.ports = ports_to_check(details);
  service.cert_dir = planned.cert_dir ? *planned.cert_dir
                                      : env_value(image.env, "DOCKER_TLS_CERTDIR").value_or("");
}

job::ServiceCheck DockerExecutor::service_check(std::size_t index) const {
  const auto& planned = plan_.services[index];
  const auto& service = services_[index];
  job::ServiceCheck check;
  check.name = planned.container.name;
  check.addresses = service.addresses;
  check.ports = service.ports;
  check.dind = planned.is_dind && plan_.dind_readiness;
  check.dind_tls = check.dind && !service.cert_dir.empty();
  check.cert_dir = service.cert_dir + "/client";
  if (planned.docker_host.starts_with("unix://")) check.unix_socket = planned.docker_host.substr(7);
  return check;
}

asio::awaitable<void> DockerExecutor::wait_for_services() {
  if (services_.empty() || plan_.wait_for_services < 0s) co_return;
  log_.plain(fmt::format("Waiting for services to be up and running (timeout {} seconds)...",
                         plan_.wait_for_services.count()));
  std::vector<std::string> reasons(services_.size());
  std::vector<asio::awaitable<void>> checks;
  for (std::size_t i = 0; i < services_.size(); ++i) checks.push_back(check_service(i, reasons[i]));
  co_await util::run_all(std::move(checks));
  for (std::size_t i = 0; i < services_.size(); ++i)
    if (!reasons[i].empty()) co_await report_unhealthy(i, reasons[i]);
}

/// `reason` stays empty if the service answers; a service that ends is known at once, not after the
/// whole limit.
asio::awaitable<void> DockerExecutor::check_service(std::size_t index, std::string& reason) {
  const auto& name = plan_.services[index].container.name;
  job::ServiceHealthParameters parameters;
  parameters.timeout_seconds = static_cast<int>(plan_.wait_for_services.count());
  parameters.services.push_back(service_check(index));
  agent::Stage request;
  request.id = next_stage_++;
  request.kind = agent::Stage::Kind::native;
  request.name = "service_health";
  request.body = nlohmann::json(parameters).dump();
  request.limit = plan_.wait_for_services + 10s;

  std::string output;
  std::int64_t exit_code = 0;
  auto asking = ask_health(request, output);
  auto watching = watch_end(services_[index].id, exit_code);
  const auto first = co_await util::first_of(std::move(asking), std::move(watching));
  if (first == 1) {
    helper_->abandon(request.id);
    reason = fmt::format("service \"{}\" ended with exit code {}", name, exit_code);
    co_return;
  }
  const auto parsed = nlohmann::json::parse(output, nullptr, false);
  const auto errors = parsed.is_object() ? parsed.value("errors", nlohmann::json::array())
                                         : nlohmann::json::array();
  if (errors.size() != 1 || !errors[0].is_string())
    reason = "the health check gave no answer";
  else if (const auto text = errors[0].get<std::string>(); !text.empty())
    reason = fmt::format("service \"{}\" {}", name, text);
}

asio::awaitable<void> DockerExecutor::ask_health(agent::Stage request, std::string& output) {
  const AgentContainer::Capture capture = [&output](agent::Stream stream, std::string_view bytes) {
    if (stream == agent::Stream::out && output.size() < shown_log_bytes) output += bytes;
  };
  co_await helper_->run(std::move(request), capture);
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
asio::awaitable<void> DockerExecutor::report_unhealthy(std::size_t index, std::string reason) {
  const auto& planned = plan_.services[index];
  std::string logs;
  try {
    logs = trimmed(
        co_await client_.container_logs(services_[index].id, true, last_lines, shown_log_bytes));
  } catch (const docker_api::EngineError& error) {
    logs = error.what();
  } catch (const net::Error& error) {
    logs = error.what();
  }
  std::string hint;
  if (planned.is_dind && !planned.container.privileged)
    hint = "\nA Docker-in-Docker service needs `privileged = true` in [runners.docker].\n";
  const auto block = fmt::format(
      "\n\x1b[0;33m*** WARNING:\x1b[0;m Service {} probably didn't start properly.\n\nHealth check "
      "error:\n{}\n\nService container logs:\n{}\n{}\n\x1b[0;33m*********\x1b[0;m\n\n",
      planned.container.name, reason, logs, hint);
  log_.write(job::LogStream::runner, job::LogKind::err, block);
}

}  // namespace slipway::executors::docker
