// A job outlives its process: what the next one needs, and how it takes the containers over.

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "executors/docker/docker_executor.hpp"
#include "executors/docker/labels.hpp"
#include "job/failure.hpp"

namespace slipway::executors::docker {

namespace {
using job::Failure;
using job::FailureReason;
using nlohmann::json;

json to_json(const AgentContainer::Snapshot& container) {
  return {{"id", container.id},
          {"name", container.name},
          {"mark", container.mark},
          {"agent", container.agent},
          {"started", container.started},
          {"offset", container.offset},
          {"exits", container.exits},
          {"commands", container.commands},
          {"protocol", container.protocol}};
}

AgentContainer::Snapshot container_from(const json& json) {
  AgentContainer::Snapshot container;
  container.id = json.at("id").get<std::string>();
  container.name = json.at("name").get<std::string>();
  container.mark = json.at("mark").get<std::string>();
  container.agent = json.at("agent").get<bool>();
  container.started = json.at("started").get<bool>();
  container.offset = json.at("offset").get<std::uint64_t>();
  container.exits = json.at("exits").get<std::uint64_t>();
  container.commands = json.at("commands").get<std::uint64_t>();
  container.protocol = json.at("protocol").get<int>();
  return container;
}

json to_json(const AgentContainer::Result& result) {
  return {{"exit_code", result.exit_code},
          {"out_of_memory", result.out_of_memory},
          {"interrupted", result.interrupted},
          {"error", result.error}};
}

AgentContainer::Result result_from(const json& json) {
  AgentContainer::Result result;
  result.exit_code = json.at("exit_code").get<int>();
  result.interrupted = json.at("interrupted").get<bool>();
  result.out_of_memory = json.at("out_of_memory").get<bool>();
  result.error = json.at("error").get<std::string>();
  return result;
}
}  // namespace

std::string DockerExecutor::snapshot() const {
  if (!prepared_) return "";
  // Half taken over is no state to go on from; nothing was taken from the agents yet.
  if (!adopting_.empty()) return adopting_;
  json services = json::array();
  for (const auto& service : services_)
    services.push_back({{"id", service.id},
                        {"name", service.name},
                        {"addresses", service.addresses},
                        {"ports", service.ports},
                        {"cert_dir", service.cert_dir},
                        {"layers", service.layers},
                        {"end_told", service.end_told}});
  json snapshot{{"containers", containers_},        {"volumes", volumes_},
                {"network", network_id_},           {"services", std::move(services)},
                {"image", build_image_.id},         {"image_digests", build_image_.repo_digests},
                {"image_user", build_image_.user},  {"build_started", build_started_},
                {"next_stage", next_stage_},        {"starts", starts_},
                {"helper_removed", helper_removed_}};
  if (helper_) snapshot["helper"] = to_json(helper_->snapshot());
  if (build_) snapshot["build"] = to_json(build_->snapshot());
  json begun{{"sequence", begun_.sequence},
             {"id", begun_.id},
             {"in_helper", begun_.in_helper},
             {"commands", begun_.commands}};
  if (begun_.result) begun["result"] = to_json(*begun_.result);
  snapshot["begun"] = std::move(begun);
  return snapshot.dump();
}

void DockerExecutor::restore(const std::string& text) {
  try {
    const auto snapshot = json::parse(text);
    containers_ = snapshot.at("containers").get<std::vector<std::string>>();
    volumes_ = snapshot.at("volumes").get<std::vector<std::string>>();
    network_id_ = snapshot.at("network").get<std::string>();
    for (const auto& service : snapshot.at("services")) {
      auto& restored = services_.emplace_back();
      restored.id = service.at("id").get<std::string>();
      restored.name = service.value("name", "");
      restored.addresses = service.at("addresses").get<std::vector<std::string>>();
      restored.ports = service.at("ports").get<std::vector<int>>();
      restored.cert_dir = service.at("cert_dir").get<std::string>();
      restored.layers = service.value("layers", "");
      restored.end_told = service.value("end_told", false);
    }
    for (std::size_t i = 0; i < std::min(services_.size(), plan_.services.size()); ++i)
      if (plan_.services[i].is_dind && plan_.dind.isolate_certs)
        isolate_certs(plan_, services_[i].cert_dir);
    build_image_.id = snapshot.at("image").get<std::string>();
    build_image_.repo_digests = snapshot.at("image_digests").get<std::vector<std::string>>();
    build_image_.user = snapshot.value("image_user", "");
    build_started_ = snapshot.at("build_started").get<bool>();
    next_stage_ = snapshot.at("next_stage").get<std::uint32_t>();
    starts_ = snapshot.at("starts").get<int>();
    helper_removed_ = snapshot.value("helper_removed", false);
    if (snapshot.contains("helper")) left_helper_ = container_from(snapshot.at("helper"));
    if (snapshot.contains("build")) left_build_ = container_from(snapshot.at("build"));
    const auto& begun = snapshot.at("begun");
    begun_.sequence = begun.at("sequence").get<int>();
    begun_.id = begun.at("id").get<std::uint32_t>();
    begun_.in_helper = begun.at("in_helper").get<bool>();
    begun_.commands = begun.at("commands").get<std::uint64_t>();
    if (begun.contains("result")) begun_.result = result_from(begun.at("result"));
  } catch (const json::exception& error) {
    throw Failure{FailureReason::runner_system_failure,
                  fmt::format("what the process before left cannot be read: {}", error.what())};
  }
}

asio::awaitable<void> DockerExecutor::adopt(std::string snapshot) {
  restore(snapshot);
  adopting_ = std::move(snapshot);
  adopted_ = true;
  prepared_ = true;
  directories_made_ = true;
  co_await engine_.connect(&log_, true);
  co_await begin_use();
  use_.image(build_image_.id);
  require_same_services();
  co_await remove_strangers();
  if (left_helper_) co_await adopt_helper();
  if (left_build_) co_await adopt_build();
  // What they printed meanwhile is not known to be missing or there.
  if (plan_.debug_services)
    for (std::size_t i = 0; i < services_.size(); ++i) following_.start(follow_service(i, 0));
  adopting_.clear();
}

/// Everything that is known of a service is found by its place in the plan.
void DockerExecutor::require_same_services() const {
  bool same = services_.size() == plan_.services.size();
  for (std::size_t i = 0; same && i < services_.size(); ++i)
    same = services_[i].name.empty() || services_[i].name == plan_.services[i].container.name;
  if (!same)
    throw Failure{FailureReason::runner_system_failure,
                  fmt::format("the job cannot be adopted: it was prepared with {} services, which "
                              "are not the {} of its plan now; were the services of the runner's "
                              "configuration changed?",
                              services_.size(), plan_.services.size())};
}

/// A service, or a container whose mark was stored.
bool DockerExecutor::was_left(const std::string& id) const {
  const auto is = [&](const std::optional<AgentContainer::Snapshot>& left) {
    return left && left->id == id;
  };
  return is(left_helper_) || is(left_build_) ||
         std::any_of(services_.begin(), services_.end(),
                     [&](const Service& service) { return service.id == id; });
}

/// Containers that were being made when the process ended, started meanwhile or not: nobody knows
/// their marks, and their names must be free.
asio::awaitable<void> DockerExecutor::remove_strangers() {
  if (job_key().empty()) co_return;
  const std::vector<std::string> filter{fmt::format("{}={}", job_label, job_key())};
  const auto found = co_await client_.list_containers(filter);
  for (const auto& container : found) {
    if (was_left(container.id)) continue;
    co_await client_.remove_container(container.id, true, true);
    std::erase(containers_, container.id);
  }
}

asio::awaitable<void> DockerExecutor::adopt_helper() {
  const auto left = *left_helper_;
  helper_ = std::make_unique<AgentContainer>(engine_.executor(), client_, log_,
                                             container_settings(left.id, left.name, true));
  std::string problem;
  try {
    co_await helper_->adopt(left);
    co_return;
  } catch (const ContainerGone& gone) {
    // run() deals with the loss of a stage.
    if (is_under_way(true)) co_return;
    problem = gone.what();
  } catch (const Failure& failure) {
    if (is_under_way(true)) throw;
    problem = failure.what();
  }
  // Nothing is lost with it, but its name must be free for the one that takes its place.
  spdlog::info("going on without the helper container: {} container={}", problem, left.name);
  co_await forget_removed(helper_);
}

bool DockerExecutor::is_under_way(bool in_helper) const {
  return begun_.sequence != 0 && begun_.in_helper == in_helper && !begun_.result;
}

asio::awaitable<bool> DockerExecutor::is_unused(std::string container) {
  try {
    const auto details = co_await client_.inspect_container(container);
    co_return details.status == "created";
  } catch (const docker_api::EngineError& error) {
    // A process before this one has begun to remove it.
    if (!error.not_found()) throw;
  }
  co_return false;
}

asio::awaitable<void> DockerExecutor::adopt_build() {
  const auto left = *left_build_;
  auto settings = container_settings(left.id, left.name, false);
  settings.use_agent = agent_due();
  if (!build_started_) {
    // Its start may have been under way: of an entrypoint that has run nobody could tell how far.
    const bool unused = co_await is_unused(left.id);
    if (!unused) {
      co_await client_.remove_container(left.id, true, !plan_.keep_anonymous_volumes);
      std::erase(containers_, left.id);
      // They may be what took it, too.
      build_image_removed_ = true;
      directories_made_ = false;
      co_return;
    }
    settings.mark = left.mark;
    build_ =
        std::make_unique<AgentContainer>(engine_.executor(), client_, log_, std::move(settings));
    co_return;
  }
  build_ = std::make_unique<AgentContainer>(engine_.executor(), client_, log_, std::move(settings));
  co_await adopt_running_build(left);
}

asio::awaitable<void> DockerExecutor::adopt_running_build(const AgentContainer::Snapshot& left) {
  try {
    co_await build_->adopt(left);
    co_return;
  } catch (const ContainerGone& gone) {
    // run() deals with the loss of a stage.
    if (is_under_way(false)) co_return;
    spdlog::info("going on without the build container: {}", gone.what());
  }
  co_await forget_removed(build_);
}

asio::awaitable<void> DockerExecutor::leave() {
  creating_.cancel();
  try {
    co_await creating_.join();
  } catch (const std::exception& error) {
    spdlog::debug("leaving: making the build container: {}", error.what());
  }
  co_await end_following();
  if (helper_) co_await helper_->close();
  if (build_) co_await build_->close();
  containers_.clear();
  volumes_.clear();
  network_id_.clear();
}

}  // namespace slipway::executors::docker
