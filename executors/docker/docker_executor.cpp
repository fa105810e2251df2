#include "executors/docker/docker_executor.hpp"

#include <fmt/format.h>
#include <openssl/rand.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "executors/docker/labels.hpp"
#include "job/failure.hpp"
#include "util/async.hpp"

namespace slipway::executors::docker {

namespace {

using job::Failure;
using job::FailureReason;

constexpr std::uint32_t shared_directory = 0777;
/// The helper image's entrypoint has nothing to wait for.
constexpr auto helper_start_limit = std::chrono::minutes{2};
/// Every directory of `paths` and what lies between it and the volume it belongs to, parents first,
/// each once.
std::vector<std::string> with_parents(const std::vector<VolumePlan>& volumes,
                                      const std::vector<std::string>& paths) {
  std::vector<std::string> all;
  const auto add = [&](const std::string& path) {
    if (std::find(all.begin(), all.end(), path) == all.end()) all.push_back(path);
  };
  for (const auto& path : paths) {
    std::size_t root = 0;
    for (const auto& volume : volumes)
      if (path.starts_with(volume.destination)) root = std::max(root, volume.destination.size());
    for (auto slash = path.find('/', root + 1); slash != std::string::npos;
         slash = path.find('/', slash + 1))
      add(path.substr(0, slash));
    add(path);
  }
  return all;
}

}  // namespace

std::string image_reference(const docker_api::ImageDetails& image) {
  return image.repo_digests.empty() ? image.id : image.repo_digests.front();
}

std::string container_platform(const std::string& asked, const docker_api::ImageDetails& image) {
  if (asked.empty() || image.os.empty() || image.architecture.empty()) return asked;
  const auto platform = image.os + "/" + image.architecture;
  return image.variant.empty() ? platform : platform + "/" + image.variant;
}

DockerExecutor::DockerExecutor(Engine& engine, Plan plan, JobLog& log, Reaper& reaper,
                               Checkpoint checkpoint)
    : engine_{engine},
      client_{engine.client()},
      plan_{std::move(plan)},
      log_{log},
      reaper_{reaper},
      checkpoint_{std::move(checkpoint)},
      images_{engine.executor(), plan_.registry},
      creating_{engine.executor()},
      following_{engine.executor()} {}

DockerExecutor::~DockerExecutor() {
  leave_to_reaper();
}

void DockerExecutor::leave_to_reaper() {
  for (auto& id : containers_) leave_to_reaper(Reaper::Kind::container, std::move(id));
  for (auto& name : volumes_) leave_to_reaper(Reaper::Kind::volume, std::move(name));
  if (!network_id_.empty()) leave_to_reaper(Reaper::Kind::network, network_id_);
  containers_.clear();
  volumes_.clear();
  network_id_.clear();
}

void DockerExecutor::leave_to_reaper(Reaper::Kind kind, std::string id) {
  reaper_.adopt(client_,
                Reaper::Object{kind, std::move(id), job_key(), plan_.keep_anonymous_volumes});
}

std::string DockerExecutor::job_key() const {
  const auto label = plan_.labels.find(job_label);
  return label == plan_.labels.end() ? "" : label->second;
}

std::string DockerExecutor::draw_mark() const {
  unsigned char random[8];
  if (RAND_bytes(random, sizeof random) != 1)
    throw std::runtime_error{"no random numbers to be had"};
  std::string mark;
  for (const auto byte : random) mark += fmt::format("{:02x}", byte);
  return mark;
}

asio::awaitable<void> DockerExecutor::prepare() {
  auto body = set_up();
  co_await saying_full_disk(std::move(body));
}

/// The Engine's words for a full disk would send the user looking in the wrong place.
asio::awaitable<void> DockerExecutor::saying_full_disk(asio::awaitable<void> body) {
  std::optional<Failure> full;
  try {
    co_await std::move(body);
  } catch (const docker_api::EngineError& error) {
    full = engine_.disk_full(error);
    if (!full) throw;
  }
  if (full) throw *full;
}

/// From here on the collector leaves alone what this job names.
asio::awaitable<void> DockerExecutor::begin_use() {
  std::vector<std::string> images{plan_.image.name};
  for (const auto& service : plan_.services) images.push_back(service.image.name);
  if (plan_.helper_image) images.push_back(plan_.helper_image->name);
  std::vector<std::string> volumes;
  for (const auto& volume : plan_.volumes)
    if (volume.reusable) volumes.push_back(volume.name);
  if (plan_.cache_store) volumes.push_back(plan_.cache_store->name);
  for (const auto& service : plan_.services)
    if (!service.layers.empty()) volumes.push_back(service.layers.front().source);
  co_await use_.begin(engine_.in_use(), engine_.usage(), engine_.info().id, std::move(images),
                      std::move(volumes));
}

asio::awaitable<docker_api::ImageDetails> DockerExecutor::resolve(ImagePlan image) {
  const auto details = co_await engine_.resolve_image(std::move(image), images_, log_);
  use_.image(details.id);
  co_return details;
}

asio::awaitable<void> DockerExecutor::set_up() {
  log_.plain(fmt::format("Using Docker executor with image {} ...", plan_.image.name));
  for (const auto& warning : plan_.warnings) log_.warning(warning);
  for (const auto& notice : plan_.notices) log_.plain(notice);
  co_await engine_.connect(&log_);
  if (!plan_.build.mac_address.empty() && !client_.supports(1, 44))
    log_.warning("`mac_address` cannot be applied: the Docker Engine is older than API 1.44");
  co_await begin_use();
  co_await make_network();
  co_await start_services();
  if (plan_.needs_helper) co_await start_helper();
  announce_wait();
  if (!helper_) {
    build_image_ = co_await resolve(plan_.image);
    co_await bring_observer();
  }
  auto waiting = wait_for_services();
  auto building = bring_build();
  co_await util::both(std::move(waiting), std::move(building));
  if (plan_.keep_umask)
    log_.plain("Not using umask - FF_DISABLE_UMASK_FOR_DOCKER_EXECUTOR is set!");
  prepared_ = true;
}

/// A refusal is told when the stage that needs the build container begins.
asio::awaitable<void> DockerExecutor::bring_build() {
  if (build_image_.id.empty()) build_image_ = co_await resolve(plan_.image);
  if (helper_ && !build_) creating_.start(bring_up_build());
}

asio::awaitable<void> DockerExecutor::make_network() {
  if (plan_.job_network.empty()) co_return;
  docker_api::NetworkSpec spec;
  spec.name = plan_.job_network;
  spec.labels = plan_.labels;
  spec.enable_ipv6 = plan_.network_ipv6;
  spec.options = plan_.network_options;
  network_id_ = spec.name;  // known by its name until the answer tells the id
  network_id_ = co_await engine_.create_network(std::move(spec), log_);
}

asio::awaitable<std::string> DockerExecutor::create(docker_api::ContainerSpec spec) {
  auto id = co_await make(std::move(spec));
  std::optional<docker_api::TarBuilder> nothing;
  co_await fill(id, std::move(nothing));
  co_return id;
}

asio::awaitable<std::string> DockerExecutor::make(docker_api::ContainerSpec spec) {
  std::string id;
  std::string refused;
  // Known by its name from now on: a call that fails may have made it all the same.
  containers_.push_back(spec.name);
  for (const auto& mount : spec.mounts) {
    const auto use = mount.labels.find(volume_label);
    if (use != mount.labels.end() && use->second == volume_of_job) goes_with_job(mount.source);
  }
  try {
    id = co_await engine_.create_container(spec, log_);
  } catch (const NameTaken&) {
    std::erase(containers_, spec.name);
    throw;
  } catch (const docker_api::EngineError& error) {
    if (error.status() != 400) throw;
    refused = error.what();
  }
  if (!refused.empty()) throw Failure{FailureReason::runner_configuration_error, refused};
  *std::find(containers_.begin(), containers_.end(), spec.name) = id;
  co_return id;
}

void DockerExecutor::goes_with_job(const std::string& volume) {
  if (std::find(volumes_.begin(), volumes_.end(), volume) == volumes_.end())
    volumes_.push_back(volume);
}

/// Volume roots and the project's directories, writable for any user of any image, before anything
/// runs.
asio::awaitable<void> DockerExecutor::fill(std::string container,
                                           std::optional<docker_api::TarBuilder> entries) {
  if (!directories_made_ && !plan_.directories.empty()) {
    if (!entries) entries.emplace();
    for (const auto& path : with_parents(plan_.volumes, plan_.directories))
      entries->add_directory(std::string_view{path}.substr(1), shared_directory);
  }
  directories_made_ = true;
  if (!entries) co_return;
  auto archive = entries->finish();
  co_await client_.put_archive(container, "/", std::move(archive));
}

void DockerExecutor::add_service_hosts(docker_api::ContainerSpec& spec) const {
  if (spec.network_mode == "host" || spec.network_mode == "none" ||
      spec.network_mode.starts_with("container:"))
    return;
  for (std::size_t i = 0; i < services_.size(); ++i)
    for (const auto& address : services_[i].addresses) {
      for (const auto& host : plan_.services[i].hosts)
        spec.extra_hosts.push_back(host + ":" + address);
      spec.extra_hosts.push_back(services_[i].id.substr(0, 12) + ":" + address);
    }
}

asio::awaitable<void> DockerExecutor::start_helper() {
  auto spec = plan_.helper;
  if (plan_.helper_image) {
    log_.plain(fmt::format("Using helper image:  {}  (overridden, default would be  {} )",
                           plan_.helper_image->name, engine_.helper_image_name()));
    const auto image = co_await resolve(*plan_.helper_image);
    spec.image = image.id;
  } else {
    spec.image = co_await engine_.helper_image(plan_, images_, log_);
  }
  co_await engine_.ensure_helper_volume(spec.image, log_);
  spec.mounts.push_back(engine_.helper_volume().mount());
  add_service_hosts(spec);
  spec.command = {"sh"};
  auto mode = co_await run_helper(spec);
  if (mode != AgentContainer::Mode::agent) {
    // Somebody may have pruned the volume.
    co_await discard(helper_);
    const bool filled = co_await engine_.ensure_helper_volume(spec.image, log_, true);
    if (filled) mode = co_await run_helper(spec);
  }
  if (mode != AgentContainer::Mode::agent)
    throw Failure{FailureReason::runner_system_failure,
                  fmt::format("slipway-helper does not run in the helper image {}: it needs a `sh` "
                              "and must be allowed to execute {}",
                              spec.image, HelperVolume::mount_point)};
}

asio::awaitable<AgentContainer::Mode> DockerExecutor::run_helper(docker_api::ContainerSpec spec) {
  auto id = co_await make(spec);
  std::optional<docker_api::TarBuilder> entries;
  if (plan_.cache_store) {
    // No other container has it.
    entries.emplace();
    entries->add_directory(std::string_view{plan_.cache_store->destination}.substr(1),
                           shared_directory);
  }
  co_await fill(id, std::move(entries));
  auto settings = container_settings(std::move(id), spec.name, true);
  helper_ =
      std::make_unique<AgentContainer>(engine_.executor(), client_, log_, std::move(settings));
  ++starts_;
  try {
    auto starting = helper_->start();
    co_return co_await util::with_timeout(std::move(starting), helper_start_limit);
  } catch (const util::TimeoutError&) {
    throw Failure{FailureReason::runner_system_failure,
                  fmt::format("the helper container does not answer; does the entrypoint of image "
                              "{} run its arguments?",
                              spec.image)};
  }
}

/// Of the build container or the helper's.
AgentContainer::Settings DockerExecutor::container_settings(std::string id, std::string name,
                                                            bool helper) const {
  AgentContainer::Settings settings;
  settings.id = std::move(id);
  settings.name = std::move(name);
  settings.mark = draw_mark();
  settings.adopt_timeout = engine_.adopt_timeout();
  settings.before_ack = checkpoint_;
  // What the helper makes is for the job's containers, which may run as any user.
  if (helper && !plan_.keep_umask) settings.umask = 0;
  settings.native_stop = !helper && plan_.native_stop;
  return settings;
}

/// Removes a container that did not turn out as it should, so that another can take its name.
asio::awaitable<void> DockerExecutor::discard(std::unique_ptr<AgentContainer>& container) {
  co_await container->close();
  const auto id = container->id();
  container.reset();
  co_await client_.remove_container(id, true, !plan_.keep_anonymous_volumes);
  std::erase(containers_, id);
}

}  // namespace slipway::executors::docker
