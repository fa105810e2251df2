#include "executors/docker/engine.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>

#include "docker_api/limits.hpp"
#include "executors/docker/collector_disk.hpp"
#include "executors/docker/helper_image.hpp"
#include "job/failure.hpp"
#include "util/async.hpp"

namespace slipway::executors::docker {

namespace {

using job::Failure;
using job::FailureReason;
using namespace std::chrono_literals;

/// Between two looks whether an Engine is back.
constexpr auto comeback_pause = 500ms;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

/// The Engine of the settings, or of the process's environment: then all three values come from
/// there. \throws Failure.
net::Endpoint engine_endpoint(Engine::Settings& settings) {
  if (settings.host.empty()) {
    settings.host = environment("DOCKER_HOST");
    const auto verify = environment("DOCKER_TLS_VERIFY");
    settings.tls_verify = verify == "1" || verify == "t" || verify == "true" || verify == "TRUE" ||
                          verify == "True" || verify == "T";
    settings.tls_cert_path = environment("DOCKER_CERT_PATH");
    if (settings.host.empty()) settings.host = "unix:///var/run/docker.sock";
  }
  try {
    return docker_api::parse_host(settings.host, settings.tls_verify, settings.tls_cert_path);
  } catch (const std::invalid_argument& error) {
    throw Failure{FailureReason::runner_system_failure,
                  fmt::format("creating docker connection: {}", error.what())};
  }
}

bool is_x86_64(const std::string& architecture) {
  return architecture == "x86_64" || architecture == "amd64";
}

}  // namespace

Engine::Engine(asio::any_io_executor executor, Settings settings)
    : executor_{executor},
      settings_{std::move(settings)},
      client_{executor, engine_endpoint(settings_), docker_api::host_prefix(settings_.host)},
      volume_{settings_.helper_binary, settings_.state_id},
      in_use_{executor},
      pulls_{executor},
      learning_{executor},
      setup_{executor} {}

asio::awaitable<void> Engine::connect(JobLog* log, bool expected) {
  if (info_ && seen_disturbances_ == client_.disturbances()) co_return;
  std::string problem;
  try {
    co_await wait_for_answer(log, expected || info_);
    const auto lock = co_await learning_.lock();
    if (!info_ || seen_disturbances_ != client_.disturbances()) co_await learn();
  } catch (const net::Error& error) {
    problem = error.what();
  } catch (const docker_api::EngineError& error) {
    problem = error.what();
  }
  if (!problem.empty())
    throw Failure{FailureReason::runner_system_failure,
                  fmt::format("creating docker connection: {}. Is dockerd running, and may this "
                              "user reach {}? (`docker -H {} info` asks the same)",
                              problem, settings_.host, settings_.host)};
}

/// Returns when the Engine answers. \throws net::Error with what is wrong when it does not, at once
/// unless it is `expected` to come back.
asio::awaitable<void> Engine::wait_for_answer(JobLog* log, bool expected) {
  using Clock = std::chrono::steady_clock;
  const auto limit = docker_api::limits::patience().comeback;
  const auto begin = Clock::now();
  const auto seconds = [](Clock::duration time) {
    return std::chrono::duration_cast<std::chrono::seconds>(time).count();
  };
  for (bool told = false;; told = true) {
    std::string problem;
    try {
      co_await client_.reconnect();
    } catch (const net::Error& error) {
      if (!expected) throw;
      problem = error.what();
      if (Clock::now() - begin >= limit)
        throw net::Error{error.step(), fmt::format("{}; it was waited for {} s", problem,
                                                   seconds(Clock::now() - begin))};
    }
    if (problem.empty()) {
      if (told && log != nullptr)
        log->info(fmt::format("The Docker Engine answers again after {} s",
                              seconds(Clock::now() - begin)));
      co_return;
    }
    if (!told) {
      spdlog::warn("the Docker Engine is away, waiting up to {} s for it: {}", seconds(limit),
                   problem);
      if (log != nullptr)
        log->warning(fmt::format("The Docker Engine does not answer, waiting up to {} s for it: {}",
                                 seconds(limit), problem));
    }
    co_await util::sleep_for(comeback_pause);
  }
}

/// What may have changed while nobody looked: the Engine's version, its data directory.
asio::awaitable<void> Engine::learn() {
  const auto disturbances = client_.disturbances();
  docker_api::Info info;
  try {
    info = co_await client_.info();
  } catch (const docker_api::EngineError& error) {
    throw Failure{FailureReason::runner_system_failure,
                  fmt::format("getting docker info: {}", error.what())};
  }
  if (info.os_type != "linux" && info.os_type != "windows" && info.os_type != "freebsd")
    throw Failure{FailureReason::runner_system_failure,
                  fmt::format("unsupported os type: {}", info.os_type)};
  info_ = std::move(info);
  volume_whole_ = false;
  seen_disturbances_ = disturbances;
}

asio::awaitable<bool> Engine::answers(bool ask) {
  if (!ask && seen_disturbances_ == client_.disturbances()) co_return true;
  try {
    co_await client_.reconnect();
    co_return true;
  } catch (const net::Error& error) {
    spdlog::debug("{}", error.what());
  } catch (const docker_api::EngineError& error) {
    spdlog::debug("{}", error.what());
  }
  co_return false;
}

std::optional<job::Failure> Engine::disk_full(const docker_api::EngineError& error) const {
  std::vector<std::string> roots;
  if (info_) roots = local_data_roots(settings_.host, *info_);
  const auto text = disk_full_text(error, roots);
  if (!text) return std::nullopt;
  if (settings_.disk_full) settings_.disk_full();
  return Failure{FailureReason::runner_system_failure, *text};
}

bool Engine::agent_possible() const {
  return info_ && info_->os_type == "linux" && is_x86_64(info_->architecture);
}

asio::awaitable<std::string> Engine::helper_image(const Plan& plan, JobImages& images,
                                                  JobLog& log) {
  const auto own = co_await own_helper_image(log);
  if (own) co_return *own;
  ImagePlan image;
  image.name = documented_helper_image(plan.helper_flavor, info_->architecture, plan.helper_pwsh);
  image.policies = {"if-not-present"};
  std::string absent;
  const auto found = co_await look_at(image, absent);
  if (found) co_return found->id;
  log.plain("Using helper image:  " + image.name);
  std::string problem;
  FailureReason reason{};
  try {
    const auto details = co_await resolve_image(image, images, log);
    co_return details.id;
  } catch (const Failure& failure) {
    problem = failure.what();
    reason = failure.reason();
  }
  throw Failure{
      reason,
      fmt::format("the Engine has no image {} and {} is missing: install slipway's helper image "
                  "archive there, or set helper_image in [runners.docker] to an image with sh, "
                  "git, git-lfs and a CA bundle; {}",
                  settings_.helper_image_name, settings_.helper_image_archive, problem)};
}

/// nullopt if the Engine lacks it and there is no archive.
asio::awaitable<std::optional<std::string>> Engine::own_helper_image(JobLog& log) {
  const auto lock = co_await setup_.lock();
  try {
    const auto found = co_await client_.inspect_image(settings_.helper_image_name);
    co_return found.id;
  } catch (const docker_api::EngineError& error) {
    if (!error.not_found()) throw;
  }
  if (!std::filesystem::exists(settings_.helper_image_archive)) co_return std::nullopt;
  log.plain(fmt::format("Importing the helper image {} ...", settings_.helper_image_name));
  const auto colon = settings_.helper_image_name.rfind(':');
  const std::vector<std::string> changes{
      "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "CMD [\"/bin/sh\"]"};
  co_await client_.import_image(settings_.helper_image_archive,
                                settings_.helper_image_name.substr(0, colon),
                                settings_.helper_image_name.substr(colon + 1), changes);
  const auto imported = co_await client_.inspect_image(settings_.helper_image_name);
  if (settings_.usage != nullptr)
    settings_.usage->pulled(info_->id, settings_.helper_image_name, imported.id, false);
  co_return imported.id;
}

}  // namespace slipway::executors::docker
