// Services of a job: start, addresses, their logs, their end.

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "executors/docker/docker_executor.hpp"
#include "executors/docker/service_report.hpp"
#include "job/failure.hpp"
#include "util/async.hpp"

namespace slipway::executors::docker {

namespace {

using job::Failure;
using job::FailureReason;
using namespace std::chrono_literals;

constexpr auto created_poll = 100ms;
constexpr auto follow_pause = 1s;
constexpr int follow_tries = 60;
constexpr std::chrono::sys_seconds no_time{};

}  // namespace

asio::awaitable<void> DockerExecutor::start_services() {
  for (const auto& planned : plan_.services) co_await start_service(planned);
  if (plan_.debug_services)
    for (std::size_t i = 0; i < services_.size(); ++i) following_.start(follow_service(i, -1));
}

asio::awaitable<void> DockerExecutor::start_service(const ServicePlan& planned) {
  log_.plain(fmt::format("Starting service {}...", planned.shown_name));
  const auto image = co_await resolve(planned.image);
  Service service;
  service.name = planned.container.name;
  try {
    co_await create_service(planned, image, service);
    ++starts_;
    co_await engine_.start_container(service.id, log_);
  } catch (const docker_api::EngineError&) {
    give_layers_up(service);
    throw;
  }
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
  service.has_healthcheck = has_timely_healthcheck(details, plan_.wait_for_services) &&
                            !env_value(details.env, "HEALTHCHECK_TCP_PORT");
  service.cert_dir = planned.cert_dir ? *planned.cert_dir
                                      : env_value(image.env, "DOCKER_TLS_CERTDIR").value_or("");
}

/// CI_DEBUG_SERVICES: what a service prints, into the job's log, as long as both last. `tail`: as
/// of Client::follow_logs(). A connection that is cut is made again.
asio::awaitable<void> DockerExecutor::follow_service(std::size_t index, int tail) {
  ServiceLines lines{log_, plan_.services[index].hosts};
  const docker_api::StreamParser::Sink sink = [&lines](docker_api::StreamType type,
                                                       std::string_view bytes) {
    const bool err = type == docker_api::StreamType::err;
    lines.add(err ? job::LogKind::err : job::LogKind::out, bytes);
  };
  const auto id = services_[index].id;
  bool more = true;
  for (int vain = 0; more && vain < follow_tries;) {
    const auto since = lines.since();
    const auto before = lines.count();
    more = co_await follow_once(id, since ? -1 : tail, sink, since.value_or(no_time));
    vain = lines.count() == before ? vain + 1 : 0;
    if (!more) break;
    lines.resume();
    co_await util::sleep_for(follow_pause);
  }
  lines.finish();
}

/// One connection of it, to its end; false if nothing more is to come.
asio::awaitable<bool> DockerExecutor::follow_once(std::string id, int tail,
                                                  docker_api::StreamParser::Sink sink,
                                                  std::chrono::sys_seconds since) {
  try {
    co_await client_.follow_logs(id, true, tail, sink, since);
    // One that is proxied may end like this, too.
    const auto details = co_await client_.inspect_container(id);
    co_return details.running;
  } catch (const docker_api::EngineError& error) {
    spdlog::warn("following a service's log: {}", error.what());
    // A log driver that cannot be read, or no such container.
    if (error.status() >= 400) co_return false;
  } catch (const net::Error& error) {
    spdlog::warn("following a service's log: {}", error.what());
  }
  co_return true;
}

/// Why a script failed may be that a service was no longer there; each is named once.
asio::awaitable<void> DockerExecutor::report_dead_services() {
  for (std::size_t i = 0; i < services_.size(); ++i) {
    if (std::exchange(services_[i].end_told, true)) continue;
    docker_api::ContainerDetails details;
    try {
      details = co_await client_.inspect_container(services_[i].id);
    } catch (const docker_api::EngineError& error) {
      spdlog::debug("looking at a service: {}", error.what());
      continue;
    } catch (const net::Error& error) {
      spdlog::debug("looking at a service: {}", error.what());
      continue;
    }
    if (details.running || details.id.empty()) {
      services_[i].end_told = false;
      continue;
    }
    give_layers_up(services_[i]);
    log_.warning(fmt::format("Service {} is not running any more: exit code {}{}",
                             plan_.services[i].shown_name, details.exit_code,
                             memory_hint(details.oom_killed)));
  }
}

const char* DockerExecutor::memory_hint(bool out_of_memory) {
  return out_of_memory ? ", out of memory (OOMKilled); its limit is `service_memory` in "
                         "[runners.docker]"
                       : "";
}

}  // namespace slipway::executors::docker
