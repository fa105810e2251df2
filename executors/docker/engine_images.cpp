// Images by pull policy.

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <random>

#include "executors/docker/engine.hpp"
#include "executors/docker/image_name.hpp"
#include "executors/docker/names.hpp"
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

/// Whether an image is for the platform that was asked for; a variant counts where both say one.
bool is_for(const std::string& platform, const docker_api::ImageDetails& image) {
  if (platform.empty() || image.os.empty() || image.architecture.empty()) return true;
  const auto plain = image.os + "/" + image.architecture;
  if (platform == plain) return true;
  return image.variant.empty() ? platform.starts_with(plain + "/")
                               : platform == plain + "/" + image.variant;
}

/// Pulls are alike if nothing differs that the registry sees.
std::string pull_key(const ImagePlan& image, const util::Secret& auth) {
  return digest_hex("SHA256", fmt::format("{}\n{}\n{}", image.name, image.platform, auth.reveal()));
}

}  // namespace

asio::awaitable<docker_api::ImageDetails> Engine::resolve_image(ImagePlan image, JobImages& images,
                                                                JobLog& log) {
  if (image.from_config) log.plain("Using default image");
  log.plain(fmt::format("Using effective pull policy of [{}] for container {}",
                        fmt::join(image.policies, " "), image.name));
  std::optional<Failure> last;
  for (std::size_t i = 0; i < image.policies.size(); ++i) {
    const auto policy = image.policies[i];
    if (i > 0) log.info(fmt::format("Attempt #{}: Trying \"{}\" pull policy", i + 1, policy));
    std::optional<docker_api::ImageDetails> details;
    try {
      details = co_await resolve_with_policy(image, policy, images, log);
    } catch (const Failure& failure) {
      last = failure;
    }
    if (details) {
      images.got(image, details->id);
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

/// What the Engine has by this name; nullopt and its words if nothing. \throws Failure.
asio::awaitable<std::optional<docker_api::ImageDetails>> Engine::look_at(const ImagePlan& image,
                                                                         std::string& absent) {
  try {
    co_return co_await client_.inspect_image(image.name, image.platform);
  } catch (const docker_api::EngineError& error) {
    absent = error.what();
    if (!error.not_found()) throw Failure{FailureReason::runner_system_failure, absent};
  }
  co_return std::nullopt;
}

asio::awaitable<docker_api::ImageDetails> Engine::resolve_with_policy(ImagePlan image,
                                                                      std::string policy,
                                                                      JobImages& images,
                                                                      JobLog& log) {
  std::string absent;
  auto found = co_await look_at(image, absent);
  if (found && images.has(image, found->id)) co_return *found;
  if (policy == "never") {
    if (found) co_return *found;
    throw Failure{FailureReason::runner_system_failure, absent};
  }
  if (found && found->id == image.name) co_return *found;
  if (found && policy == "if-not-present" && is_for(image.platform, *found)) {
    log.plain("Using locally found image version due to \"if-not-present\" pull policy");
    co_return *found;
  }
  const auto earlier = found ? found->id : "";
  co_await pull(image, policy == "always", images, log);
  found = co_await look_at(image, absent);
  if (!found) throw Failure{FailureReason::image_pull_failure, absent};
  if (settings_.usage != nullptr)
    settings_.usage->pulled(info_->id, image.name, found->id, found->id == earlier);
  co_return *found;
}

/// \param fresh  what another job began to pull before is not good enough.
asio::awaitable<void> Engine::pull(ImagePlan image, bool fresh, JobImages& images, JobLog& log) {
  const auto name = parse_image_name(image.name);
  if (!name)
    throw Failure{FailureReason::runner_configuration_error,
                  fmt::format("invalid image name: {}", image.name)};
  const auto credential = co_await images.access().find(image.name, log);
  util::Secret auth;
  if (credential) {
    hide(credential->auth, log);
    auth = docker_api::registry_auth_header(credential->auth);
    log.plain(fmt::format("Authenticating with credentials from {}", credential->source));
  }
  log.plain(image.platform.empty() ? fmt::format("Pulling docker image {} ...", image.name)
                                   : fmt::format("Pulling docker image {} for platform {} ...",
                                                 image.name, image.platform));
  const auto repository = name->qualified_repository();
  const auto tag = !name->digest.empty() ? name->digest : name->tag.empty() ? "latest" : name->tag;
  const std::function<asio::awaitable<void>()> step = [&] {
    return client_.pull_image(repository, tag, image.platform, auth.reveal());
  };
  const std::function<asio::awaitable<void>()> persisting = [&] { return persist(step, log); };
  const auto key = pull_key(image, auth);
  for (int attempt = 1;; ++attempt) {
    std::string problem;
    std::optional<Failure> full;
    try {
      auto pulling = pulls_.run(key, !fresh, persisting);
      co_await std::move(pulling);
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
