// Images by pull policy.

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <random>

#include "executors/docker/engine.hpp"
#include "executors/docker/image_name.hpp"
#include "job/failure.hpp"
#include "util/async.hpp"

namespace slipway::executors::docker {

namespace {

using job::Failure;
using job::FailureReason;
using namespace std::chrono_literals;

constexpr int pull_tries = 3;

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

FailureReason classify_pull(const std::string& message) {
  const auto text = lower(message);
  const auto has = [&](const auto& words) {
    return std::any_of(words.begin(), words.end(),
                       [&](const char* word) { return text.find(word) != std::string::npos; });
  };
  constexpr std::array external{"dial tcp",         "connection refused", "no such host",
                                "i/o timeout",      "tls handshake",      "client.timeout exceeded",
                                "request canceled", "connection reset"};
  constexpr std::array configuration{"not found",
                                     "manifest unknown",
                                     "pull access denied",
                                     "access to the resource is denied",
                                     "no basic auth credentials",
                                     "repository does not exist or may require",
                                     "unauthorized",
                                     "authentication required"};
  if (has(external)) return FailureReason::runner_external_dependency_failure;
  if (has(configuration)) return FailureReason::runner_configuration_error;
  return FailureReason::image_pull_failure;
}

std::chrono::milliseconds pull_pause() {
  static std::minstd_rand random{std::random_device{}()};
  return std::chrono::milliseconds{std::uniform_int_distribution<int>{2000, 10000}(random)};
}

}  // namespace

asio::awaitable<docker_api::ImageDetails> Engine::resolve_image(ImagePlan image, JobLog& log) {
  if (image.from_config) log.plain("Using default image");
  log.plain(fmt::format("Using effective pull policy of [{}] for container {}",
                        fmt::join(image.policies, " "), image.name));
  std::optional<Failure> last;
  for (std::size_t i = 0; i < image.policies.size(); ++i) {
    const auto policy = image.policies[i];
    if (i > 0) log.info(fmt::format("Attempt #{}: Trying \"{}\" pull policy", i + 1, policy));
    std::optional<docker_api::ImageDetails> details;
    try {
      details = co_await resolve_with_policy(image, policy, log);
    } catch (const Failure& failure) {
      last = failure;
    }
    if (details) {
      const auto digest =
          details->repo_digests.empty() ? "" : " with digest " + details->repo_digests[0];
      if (details->id != image.name)
        log.plain(
            fmt::format("Using docker image {} for {}{} ...", details->id, image.name, digest));
      co_return *details;
    }
    log.warning(fmt::format("Failed to pull image with policy \"{}\": {}", policy, last->what()));
  }
  throw Failure{last->reason(),
                fmt::format("failed to pull image \"{}\" with specified policies [{}]: {}",
                            image.name, fmt::join(image.policies, " "), last->what())};
}

asio::awaitable<docker_api::ImageDetails> Engine::resolve_with_policy(ImagePlan image,
                                                                      std::string policy,
                                                                      JobLog& log) {
  std::optional<docker_api::ImageDetails> found;
  std::string absent;
  try {
    found = co_await client_.inspect_image(image.name);
  } catch (const docker_api::EngineError& error) {
    if (!error.not_found()) throw Failure{FailureReason::runner_system_failure, error.what()};
    absent = error.what();
  }
  if (policy == "never") {
    if (found) co_return *found;
    throw Failure{FailureReason::runner_system_failure, absent};
  }
  if (found && found->id == image.name) co_return *found;
  if (found && policy == "if-not-present") {
    log.plain("Using locally found image version due to \"if-not-present\" pull policy");
    co_return *found;
  }
  const auto earlier = found ? found->id : "";
  co_await pull(image, log);
  std::string lost;
  try {
    found = co_await client_.inspect_image(image.name);
  } catch (const docker_api::EngineError& error) {
    lost = error.what();
  }
  if (!lost.empty()) throw Failure{FailureReason::image_pull_failure, lost};
  if (settings_.usage != nullptr)
    settings_.usage->pulled(info_->id, image.name, found->id, found->id == earlier);
  co_return *found;
}

asio::awaitable<void> Engine::pull(ImagePlan image, JobLog& log) {
  const auto name = parse_image_name(image.name);
  if (!name)
    throw Failure{FailureReason::runner_configuration_error,
                  fmt::format("invalid image name: {}", image.name)};
  log.plain(image.platform.empty() ? fmt::format("Pulling docker image {} ...", image.name)
                                   : fmt::format("Pulling docker image {} for platform {} ...",
                                                 image.name, image.platform));
  const auto tag = !name->digest.empty() ? name->digest : name->tag.empty() ? "latest" : name->tag;
  for (int attempt = 1;; ++attempt) {
    std::string problem;
    std::optional<Failure> full;
    try {
      const auto repository = name->qualified_repository();
      const std::function<asio::awaitable<void>()> step = [&] {
        return client_.pull_image(repository, tag, image.platform, "");
      };
      co_await persist(step, log);
      co_return;
    } catch (const docker_api::EngineError& error) {
      problem = error.what();
      full = disk_full(error);
    }
    if (full) throw *full;
    const auto reason = classify_pull(problem);
    if (reason != FailureReason::runner_external_dependency_failure || attempt == pull_tries)
      throw Failure{reason, problem};
    log.warning(fmt::format("Failed to pull image \"{}\" (attempt #{}), retrying: {}", image.name,
                            attempt, problem));
    co_await util::sleep_for(pull_pause());
  }
}

}  // namespace slipway::executors::docker
