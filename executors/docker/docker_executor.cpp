#include "executors/docker/docker_executor.hpp"

#include <fmt/format.h>
#include <openssl/rand.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "job/failure.hpp"
#include "util/async.hpp"

namespace slipway::executors::docker {

namespace {

using job::Failure;
using job::FailureReason;

constexpr std::uint32_t shared_directory = 0777;
/// The helper image's entrypoint has nothing to wait for.
constexpr auto helper_start_limit = std::chrono::minutes{2};
/// Of a stage that was stopped while its container was being started: that of a TERM.
constexpr int stopped_exit_code = 143;

/// Forgets where the stage under way runs, however its run() ends.
struct Current {
  AgentContainer*& pointer;
  explicit Current(AgentContainer*& current) : pointer{current} {}
  Current(const Current&) = delete;
  ~Current() { pointer = nullptr; }
};

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

DockerExecutor::DockerExecutor(Engine& engine, Plan plan, JobLog& log, Reaper& reaper)
    : engine_{engine},
      client_{engine.client()},
      plan_{std::move(plan)},
      log_{log},
      reaper_{reaper},
      creating_{engine.executor()} {}

DockerExecutor::~DockerExecutor() {
  leave_to_reaper();
}

void DockerExecutor::leave_to_reaper() {
  for (auto& id : containers_) reaper_.adopt(client_, Reaper::Kind::container, std::move(id));
  for (auto& name : volumes_) reaper_.adopt(client_, Reaper::Kind::volume, std::move(name));
  if (!network_id_.empty()) reaper_.adopt(client_, Reaper::Kind::network, network_id_);
  containers_.clear();
  volumes_.clear();
  network_id_.clear();
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
  log_.plain(fmt::format("Using Docker executor with image {} ...", plan_.image.name));
  for (const auto& warning : plan_.warnings) log_.warning(warning);
  co_await engine_.connect();
  co_await make_network();
  co_await start_services();
  if (plan_.needs_helper) co_await start_helper();
  co_await wait_for_services();
  build_image_ = co_await engine_.resolve_image(plan_.image, log_);
  // Made, not started: entrypoints may look at the sources. A refusal is told when the stage that
  // needs it begins.
  if (helper_) creating_.start(create_build());
}

asio::awaitable<void> DockerExecutor::make_network() {
  if (plan_.job_network.empty()) co_return;
  docker_api::NetworkSpec spec;
  spec.name = plan_.job_network;
  spec.labels = plan_.labels;
  spec.enable_ipv6 = plan_.network_ipv6;
  spec.options = plan_.network_options;
  network_id_ = spec.name;  // known by its name until the answer tells the id
  auto creating = client_.create_network(spec);
  network_id_ = co_await util::shielded(std::move(creating));
}

asio::awaitable<std::string> DockerExecutor::create(docker_api::ContainerSpec spec) {
  std::string id;
  std::string refused;
  // Known by its name from now on: a call that fails may have made it all the same.
  containers_.push_back(spec.name);
  if (volumes_.empty())
    for (const auto& volume : plan_.volumes)
      if (!volume.reusable) volumes_.push_back(volume.name);
  try {
    auto creating = client_.create_container(spec);
    id = co_await util::shielded(std::move(creating));
  } catch (const docker_api::EngineError& error) {
    if (error.status() != 400) throw;
    refused = error.what();
  }
  if (!refused.empty()) throw Failure{FailureReason::runner_configuration_error, refused};
  *std::find(containers_.begin(), containers_.end(), spec.name) = id;
  if (!directories_made_) {
    directories_made_ = true;
    co_await make_directories(id);
  }
  co_return id;
}

/// Volume roots and the project's directories, writable for any user of any image, before anything
/// runs.
asio::awaitable<void> DockerExecutor::make_directories(std::string container) {
  if (plan_.directories.empty()) co_return;
  docker_api::TarBuilder tar;
  for (const auto& path : with_parents(plan_.volumes, plan_.directories))
    tar.add_directory(std::string_view{path}.substr(1), shared_directory);
  auto archive = tar.finish();
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
    const auto image = co_await engine_.resolve_image(*plan_.helper_image, log_);
    spec.image = image.id;
  } else {
    spec.image = co_await engine_.helper_image(log_);
  }
  co_await engine_.ensure_helper_volume(spec.image);
  spec.mounts.push_back(engine_.helper_volume().mount());
  add_service_hosts(spec);
  spec.command = {"sh"};
  auto mode = co_await run_helper(spec);
  if (mode != AgentContainer::Mode::agent) {
    // Somebody may have pruned the volume.
    co_await discard(helper_);
    const bool filled = co_await engine_.ensure_helper_volume(spec.image, true);
    if (filled) mode = co_await run_helper(spec);
  }
  if (mode != AgentContainer::Mode::agent)
    throw Failure{FailureReason::runner_system_failure,
                  fmt::format("slipway-helper does not run in the helper image {}: it needs a `sh` "
                              "and must be allowed to execute {}",
                              spec.image, HelperVolume::mount_point)};
}

asio::awaitable<AgentContainer::Mode> DockerExecutor::run_helper(docker_api::ContainerSpec spec) {
  AgentContainer::Settings settings;
  settings.id = co_await create(spec);
  settings.name = spec.name;
  settings.mark = draw_mark();
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

/// Removes a container that did not turn out as it should, so that another can take its name.
asio::awaitable<void> DockerExecutor::discard(std::unique_ptr<AgentContainer>& container) {
  co_await container->close();
  const auto id = container->id();
  container.reset();
  co_await client_.remove_container(id, true, true);
  std::erase(containers_, id);
}

asio::awaitable<void> DockerExecutor::create_build() {
  if (agent_due()) co_await engine_.ensure_helper_volume(build_image_.id);
  co_await create_build_container(agent_due());
}

bool DockerExecutor::agent_due() const {
  return plan_.agent && engine_.agent_possible();
}

asio::awaitable<void> DockerExecutor::create_build_container(bool use_agent) {
  if (!plan_.build_refused.empty())
    throw Failure{FailureReason::runner_system_failure, plan_.build_refused};
  auto spec = plan_.build;
  spec.image = image_reference(build_image_);
  if (use_agent) spec.mounts.push_back(engine_.helper_volume().mount());
  add_service_hosts(spec);
  AgentContainer::Settings settings;
  settings.id = co_await create(spec);
  settings.name = spec.name;
  settings.mark = draw_mark();
  settings.use_agent = use_agent;
  build_ = std::make_unique<AgentContainer>(engine_.executor(), client_, log_, std::move(settings));
}

/// The build container, started at its first use: entrypoints may look at the sources.
asio::awaitable<AgentContainer*> DockerExecutor::running_build() {
  co_await creating_.join();
  if (!build_) co_await create_build();
  if (build_started_) co_return build_.get();
  ++starts_;
  const auto mode = co_await build_->start();
  if (mode == AgentContainer::Mode::plain && agent_due()) {
    // A pruned volume looks like an image in which nothing may be executed: look once.
    spdlog::warn("no agent in the build container, looking at the helper volume container={}",
                 plan_.build.name);
    const bool filled = co_await engine_.ensure_helper_volume(build_image_.id, true);
    if (filled) {
      co_await discard(build_);
      co_await create_build_container(true);
      ++starts_;
      co_await build_->start();
    }
  }
  build_started_ = true;
  co_return build_.get();
}

asio::awaitable<AgentContainer*> DockerExecutor::container_for(const Stage& stage) {
  if (stage.place == Stage::Place::predefined && helper_) co_return helper_.get();
  co_return co_await running_build();
}

asio::awaitable<void> DockerExecutor::run(Stage stage) {
  stop_requested_ = false;
  auto* container = co_await container_for(stage);
  if (stop_requested_)
    throw Failure{FailureReason::script_failure, "stopped before it began", stopped_exit_code};
  // In the build container of plain mode these have nothing to do but what its script does itself.
  if (stage.native && container == build_.get() && container->mode() == AgentContainer::Mode::plain)
    co_return;
  agent::Stage request;
  request.id = next_stage_++;
  request.kind = stage.native ? agent::Stage::Kind::native : agent::Stage::Kind::script;
  request.name = stage.name;
  request.body = stage.native ? std::move(stage.native_parameters) : std::move(stage.script);
  current_ = container;
  const Current reset{current_};
  const auto result = co_await container->run(request);
  log_.flush(job::LogStream::script);
  if (!result.error.empty())
    throw Failure{FailureReason::runner_system_failure,
                  fmt::format("stage {} could not be started: {}", stage.name, result.error)};
  if (result.exit_code == 0) co_return;
  if (result.out_of_memory)
    log_.warning(
        "The container ran out of memory (OOMKilled); its limit is `memory` in [runners.docker]");
  throw Failure{FailureReason::script_failure, fmt::format("exit code {}", result.exit_code),
                result.exit_code};
}

void DockerExecutor::stop_stage() {
  stop_requested_ = true;
  if (current_ != nullptr) current_->stop_stages();
}

}  // namespace slipway::executors::docker
