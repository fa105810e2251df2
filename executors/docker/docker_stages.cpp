// The stages of a job: the container each runs in, how it ends, and what happens when its container
// was removed.

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "executors/docker/docker_executor.hpp"
#include "job/failure.hpp"
#include "util/async.hpp"

namespace slipway::executors::docker {

namespace {

using job::Failure;
using job::FailureReason;

/// Of a stage that was stopped while its container was being started: that of a TERM.
constexpr int stopped_exit_code = 143;

Failure stopped_early() {
  return Failure{FailureReason::script_failure, "stopped before it began", stopped_exit_code};
}

}  // namespace

asio::awaitable<void> DockerExecutor::create_build() {
  if (agent_due()) co_await engine_.ensure_helper_volume(build_image_.id, log_);
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
  spec.platform = container_platform(spec.platform, build_image_);
  if (use_agent) spec.mounts.push_back(engine_.helper_volume().mount());
  add_service_hosts(spec);
  auto id = co_await create(spec);
  auto settings = container_settings(std::move(id), spec.name, false);
  settings.use_agent = use_agent;
  build_ = std::make_unique<AgentContainer>(engine_.executor(), client_, log_, std::move(settings));
}

/// Beside the helper, while that fetches the sources. Started as well where no entrypoint could
/// look at them, and nothing is to be done with them afterwards.
asio::awaitable<void> DockerExecutor::bring_up_build() {
  try {
    co_await create_build();
    if (agent_due() && build_entrypoint().empty() && !plan_.keep_umask) co_await start_build();
    co_return;
  } catch (const docker_api::EngineError& error) {
    spdlog::info("the build container is made again when it is needed: {}", error.what());
  } catch (const net::Error& error) {
    spdlog::info("the build container is made again when it is needed: {}", error.what());
  }
  // It was ahead of its time: until it is needed the Engine may be back.
  build_spoiled_ = true;
}

const std::vector<std::string>& DockerExecutor::build_entrypoint() const {
  return plan_.build.entrypoint ? *plan_.build.entrypoint : build_image_.entrypoint;
}

/// The build container, started at its first use if not before.
asio::awaitable<AgentContainer*> DockerExecutor::running_build() {
  co_await creating_.join();
  if (std::exchange(build_spoiled_, false) && build_) {
    co_await discard(build_);
    build_started_ = false;
  }
  if (build_ && build_->gone()) co_await forget_removed(build_);
  if (build_ && build_->is_plain() && !build_->has_ended()) {
    // Its stage was cut off, and may still be about to end.
    co_await discard(build_);
    build_started_ = false;
  }
  if (!build_ && build_image_removed_) co_await renew_build_image();
  if (!build_) co_await create_build();
  if (!build_started_) co_await start_build();
  co_return build_.get();
}

asio::awaitable<void> DockerExecutor::start_build() {
  ++starts_;
  const auto mode = co_await build_->start();
  if (mode == AgentContainer::Mode::plain && agent_due()) {
    // A pruned volume looks like an image in which nothing may be executed: look once.
    spdlog::warn("no agent in the build container, looking at the helper volume container={}",
                 plan_.build.name);
    const bool filled = co_await engine_.ensure_helper_volume(build_image_.id, log_, true);
    if (filled) {
      co_await discard(build_);
      co_await create_build_container(true);
      ++starts_;
      co_await build_->start();
    }
  }
  build_started_ = true;
  co_await give_files_to_user();
}

bool DockerExecutor::is_in_helper(const Stage& stage) const {
  return stage.place == Stage::Place::predefined && (helper_ || helper_removed_);
}

asio::awaitable<AgentContainer*> DockerExecutor::container_for(const Stage& stage) {
  if (!is_in_helper(stage)) co_return co_await running_build();
  // Also one that was made again in vain: nothing in it would ever answer.
  if (helper_ && (helper_->gone() || !helper_->has_begun())) co_await forget_removed(helper_);
  if (!helper_) co_await start_helper();
  co_return helper_.get();
}

/// A container that somebody removed: the next stage gets a new one. With it may have gone what
/// nothing else held: volumes that are made anew, and the image.
asio::awaitable<void> DockerExecutor::forget_removed(std::unique_ptr<AgentContainer>& container) {
  spdlog::info("a container of the job was removed, making it again container={}", container->id());
  if (&container == &build_) {
    build_started_ = false;
    build_image_removed_ = true;
  } else {
    helper_removed_ = true;
  }
  co_await discard(container);
  directories_made_ = false;
}

asio::awaitable<void> DockerExecutor::renew_build_image() {
  build_image_removed_ = false;
  try {
    build_image_ = co_await client_.inspect_image(build_image_.id);
    co_return;
  } catch (const docker_api::EngineError& error) {
    if (!error.not_found()) throw;
  }
  build_image_ = co_await resolve(plan_.image);
}

asio::awaitable<void> DockerExecutor::run(Stage stage) {
  auto body = run_stage(std::move(stage));
  co_await saying_full_disk(std::move(body));
}

/// A stage whose container was removed while it ran is run again, as often as the job wants it to
/// be (EXECUTOR_JOB_SECTION_ATTEMPTS).
asio::awaitable<void> DockerExecutor::run_stage(Stage stage) {
  stop_requested_ = false;
  bool continued = adopted_ && begun_.sequence != 0 && begun_.sequence == stage.sequence;
  if (continued && begun_.result) {
    judge(stage, *begun_.result);
    co_return;
  }
  bool renewed = false;
  for (int attempt = 1;; ++attempt) {
    std::optional<ContainerGone> gone;
    try {
      co_await attempt_stage(stage, continued);
      co_return;
    } catch (const ContainerGone& error) {
      gone = error;
    }
    continued = false;
    // A process that takes over meanwhile must not look for the stage in a container that is gone.
    begun_ = Begun{};
    const auto& lost = is_in_helper(stage) ? helper_ : build_;
    log_.flush(job::LogStream::script);
    // One that never ran anything of this stage was removed before it.
    const bool ran = begun_here_ && !gone->before_start();
    if (!ran && !renewed && !stop_requested_) {
      renewed = true;
      --attempt;
      continue;
    }
    log_.error(fmt::format("Container \"{}\" not found or removed. Will retry...",
                           lost ? lost->id() : std::string{}));
    if (attempt >= plan_.section_attempts || stop_requested_) {
      if (plan_.section_attempts > 1) log_.error("Execution attempts exceeded");
      throw *gone;
    }
    log_.info("Retrying " + stage.name);
  }
}

asio::awaitable<void> DockerExecutor::attempt_stage(Stage stage, bool continued) {
  begun_here_ = continued;
  auto* container = begun_.in_helper ? helper_.get() : build_.get();
  if (!continued) container = co_await container_for(stage);
  if (container == nullptr) throw ContainerGone{"the container of " + stage.name + " was removed"};
  if (stop_requested_ && !continued) throw stopped_early();
  // In the build container of plain mode these have nothing to do but what its script does itself.
  if (stage.native && container == build_.get() && container->mode() == AgentContainer::Mode::plain)
    co_return;
  agent::Stage request;
  request.id = continued ? begun_.id : next_stage_++;
  request.kind = stage.native ? agent::Stage::Kind::native : agent::Stage::Kind::script;
  request.name = stage.name;
  request.body = stage.native ? std::move(stage.native_parameters) : std::move(stage.script);
  if (!continued) {
    begun_ = Begun{stage.sequence, request.id, container == helper_.get(),
                   container->commands_sent(), std::nullopt};
    if (checkpoint_) checkpoint_();
    if (stop_requested_) throw stopped_early();  // by a checkpoint that failed
  }
  // One that another process has begun is lost with its container.
  begun_here_ = continued || !container->gone();
  const Current current{*this, container};
  begun_.result = co_await run_begun(container, std::move(request), continued);
  log_.flush(job::LogStream::script);
  if (begun_.result->exit_code != 0 && stage.place == Stage::Place::user)
    co_await report_dead_services();
  if (stop_requested_ && container == build_.get() && container->is_plain()) {
    // As documented: without an agent the next stage gets a container of its own.
    current_ = nullptr;
    co_await discard(build_);
    build_started_ = false;
  }
  judge(stage, *begun_.result);
}

asio::awaitable<AgentContainer::Result> DockerExecutor::run_begun(AgentContainer* container,
                                                                  agent::Stage request,
                                                                  bool continued) {
  if (continued) co_return co_await container->continue_run(std::move(request), begun_.commands);
  co_return co_await container->run(std::move(request));
}

void DockerExecutor::judge(const Stage& stage, const AgentContainer::Result& result) {
  log_.flush(job::LogStream::script);
  if (!result.error.empty())
    throw Failure{FailureReason::runner_system_failure,
                  fmt::format("stage {} could not be started: {}", stage.name, result.error)};
  if (result.exit_code == 0) return;
  if (result.interrupted)
    throw Failure{FailureReason::runner_system_failure,
                  fmt::format("the container was stopped while {} ran in it: the Engine was "
                              "restarted, or somebody stopped it",
                              stage.name)};
  if (result.out_of_memory)
    log_.warning(
        "The job ran out of memory, and the kernel killed a process of it (OOMKilled); its limit "
        "is `memory` in [runners.docker]");
  throw Failure{FailureReason::script_failure, fmt::format("exit code {}", result.exit_code),
                result.exit_code};
}

void DockerExecutor::stop_stage() {
  stop_requested_ = true;
  if (current_ != nullptr) current_->stop_stages();
}

}  // namespace slipway::executors::docker
