#include "executors/docker/engine.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <cstdlib>
#include <filesystem>

#include "job/failure.hpp"
#include "util/async.hpp"

namespace slipway::executors::docker {

namespace {

using job::Failure;
using job::FailureReason;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

/// The Engine of the settings, or of the process's environment: then all three values come from
/// there.
net::Endpoint engine_endpoint(Engine::Settings& settings) {
  if (settings.host.empty()) {
    settings.host = environment("DOCKER_HOST");
    const auto verify = environment("DOCKER_TLS_VERIFY");
    settings.tls_verify = verify == "1" || verify == "t" || verify == "true" || verify == "TRUE" ||
                          verify == "True" || verify == "T";
    settings.tls_cert_path = environment("DOCKER_CERT_PATH");
    if (settings.host.empty()) settings.host = "unix:///var/run/docker.sock";
  }
  return docker_api::parse_host(settings.host, settings.tls_verify, settings.tls_cert_path);
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
      setup_{executor} {}

asio::awaitable<void> Engine::connect() {
  const auto lock = co_await setup_.lock();
  if (info_) co_return;
  std::string problem;
  try {
    co_await client_.connect();
    auto info = co_await client_.info();
    if (info.os_type != "linux" && info.os_type != "windows" && info.os_type != "freebsd")
      throw Failure{FailureReason::runner_system_failure,
                    fmt::format("unsupported os type: {}", info.os_type)};
    info_ = std::move(info);
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

bool Engine::agent_possible() const {
  return info_ && info_->os_type == "linux" && is_x86_64(info_->architecture);
}

asio::awaitable<bool> Engine::ensure_helper_volume(std::string image, bool again) {
  const auto lock = co_await setup_.lock();
  if (volume_whole_ && !again) co_return false;
  const bool filled = co_await volume_.ensure(client_, std::move(image));
  volume_whole_ = true;
  co_return filled;
}

asio::awaitable<std::string> Engine::helper_image(JobLog& log) {
  const auto lock = co_await setup_.lock();
  try {
    const auto found = co_await client_.inspect_image(settings_.helper_image_name);
    co_return found.id;
  } catch (const docker_api::EngineError& error) {
    if (!error.not_found()) throw;
  }
  if (!std::filesystem::exists(settings_.helper_image_archive))
    throw Failure{
        FailureReason::runner_configuration_error,
        fmt::format("the Engine has no image {} and {} is missing: install slipway's helper image "
                    "archive there, or set helper_image in [runners.docker] to an image with sh, "
                    "git, git-lfs and a CA bundle",
                    settings_.helper_image_name, settings_.helper_image_archive)};
  log.plain(fmt::format("Importing the helper image {} ...", settings_.helper_image_name));
  const auto colon = settings_.helper_image_name.rfind(':');
  const std::vector<std::string> changes{
      "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "CMD [\"/bin/sh\"]"};
  co_await client_.import_image(settings_.helper_image_archive,
                                settings_.helper_image_name.substr(0, colon),
                                settings_.helper_image_name.substr(colon + 1), changes);
  const auto imported = co_await client_.inspect_image(settings_.helper_image_name);
  co_return imported.id;
}

}  // namespace slipway::executors::docker
