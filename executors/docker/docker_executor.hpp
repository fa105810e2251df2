#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "executors/docker/agent_container.hpp"
#include "executors/docker/collector_job_use.hpp"
#include "executors/docker/dind.hpp"
#include "executors/docker/dind_certificates.hpp"
#include "executors/docker/engine.hpp"
#include "executors/docker/plan.hpp"
#include "executors/docker/user_ids.hpp"
#include "executors/executor.hpp"
#include "executors/reaper.hpp"
#include "job/git_stage.hpp"
#include "util/task_group.hpp"

namespace slipway::executors::docker {

/// Carries a Plan out on an Engine: services, helper and build container, their volumes and
/// network. engine, log and reaper must outlive it.
class DockerExecutor final : public Executor {
 public:
  DockerExecutor(Engine& engine, Plan plan, JobLog& log, Reaper& reaper,
                 Checkpoint checkpoint = nullptr);
  ~DockerExecutor() override;

  asio::awaitable<void> prepare() override;
  asio::awaitable<void> run(Stage stage) override;
  void stop_stage() override;
  std::string snapshot() const override;
  asio::awaitable<void> adopt(std::string snapshot) override;
  asio::awaitable<void> leave() override;
  asio::awaitable<void> cleanup() override;
  const JobEnvironment& environment() const override { return plan_.environment; }
  int container_starts() const override { return starts_; }

 private:
  struct Service {
    std::string id;
    std::string name;
    std::vector<std::string> addresses;
    std::vector<int> ports;
    std::string cert_dir;
    std::string layers;               ///< its kept volume, "" = none
    bool has_healthcheck = false;     ///< its own, which is asked instead of its ports
    bool certificates_ready = false;  ///< clients find them, or need none, before it has started
    bool end_told = false;            ///< the user knows that it has ended
  };

  /// Of a wait for one service.
  struct HealthResult {
    std::string error;                     ///< "" = it answers
    std::optional<std::string> check_log;  ///< what was seen meanwhile, if something looked
  };

  /// The stage that was begun last.
  struct Begun {
    int sequence = 0;  ///< 0 = none yet
    std::uint32_t id = 0;
    bool in_helper = false;
    std::uint64_t commands = 0;  ///< sent to its container's agent before it
    std::optional<AgentContainer::Result> result;
  };

  /// Says where the stage under way runs, for stop_stage(), until it is destroyed.
  struct Current {
    Current(DockerExecutor& self, AgentContainer* container) : executor{self} {
      executor.current_ = container;
    }
    Current(const Current&) = delete;
    ~Current() { executor.current_ = nullptr; }
    DockerExecutor& executor;
  };

  asio::awaitable<void> set_up();
  asio::awaitable<void> run_stage(Stage stage);
  asio::awaitable<void> attempt_stage(Stage stage, bool continued);
  bool is_in_helper(const Stage& stage) const;
  asio::awaitable<void> forget_removed(std::unique_ptr<AgentContainer>& container);
  asio::awaitable<void> renew_build_image();
  asio::awaitable<void> give_files_to_user();
  asio::awaitable<UserIds> ask_user_ids();
  asio::awaitable<void> saying_full_disk(asio::awaitable<void> body);
  asio::awaitable<void> begin_use();
  asio::awaitable<docker_api::ImageDetails> resolve(ImagePlan image);
  asio::awaitable<void> bring_build();
  asio::awaitable<void> bring_observer();
  bool is_asked_by_engine(std::size_t service) const;
  bool build_may_start_early() const;
  AgentContainer& observer() { return helper_ ? *helper_ : *build_; }
  asio::awaitable<AgentContainer::Result> run_begun(AgentContainer* container, agent::Stage request,
                                                    bool continued);
  void judge(const Stage& stage, const AgentContainer::Result& result);
  AgentContainer::Settings container_settings(std::string id, std::string name, bool helper) const;
  void restore(const std::string& snapshot);
  asio::awaitable<void> remove_strangers();
  bool was_left(const std::string& id) const;
  void require_same_services() const;
  asio::awaitable<void> adopt_helper();
  asio::awaitable<bool> is_unused(std::string container);
  asio::awaitable<void> adopt_build();
  asio::awaitable<void> adopt_running_build(const AgentContainer::Snapshot& left);
  bool is_under_way(bool in_helper) const;
  asio::awaitable<void> make_network();
  asio::awaitable<void> start_services();
  asio::awaitable<void> start_service(const ServicePlan& planned);
  asio::awaitable<void> learn_addresses(const ServicePlan& planned, Service& service,
                                        const docker_api::ImageDetails& image);
  asio::awaitable<void> start_helper();
  asio::awaitable<AgentContainer::Mode> run_helper(docker_api::ContainerSpec spec);
  asio::awaitable<void> discard(std::unique_ptr<AgentContainer>& container);
  bool agent_due() const;
  void leave_to_reaper();
  asio::awaitable<void> create_build();
  asio::awaitable<void> bring_up_build();
  asio::awaitable<void> start_build();
  const std::vector<std::string>& build_entrypoint() const;
  asio::awaitable<void> create_build_container(bool use_agent);
  asio::awaitable<AgentContainer*> running_build();
  asio::awaitable<AgentContainer*> container_for(const Stage& stage);
  void announce_wait();
  asio::awaitable<void> wait_for_services();
  job::ServiceCheck service_check(std::size_t index) const;
  asio::awaitable<void> check_service(std::size_t index, HealthResult& result);
  asio::awaitable<void> ask_health(std::size_t index, std::uint32_t stage, HealthResult& result);
  asio::awaitable<void> await_healthcheck(std::size_t index, HealthResult& result);
  asio::awaitable<void> watch_end(std::string id, std::int64_t& exit_code);
  asio::awaitable<void> report_unhealthy(std::size_t index, HealthResult result);
  asio::awaitable<void> follow_service(std::size_t index, int tail);
  asio::awaitable<bool> follow_once(std::string id, int tail, docker_api::StreamParser::Sink sink,
                                    std::chrono::sys_seconds since);
  asio::awaitable<void> report_dead_services();
  static const char* memory_hint(bool out_of_memory);
  /// Creates a container and remembers it for cleanup; the first one of the job also gets the
  /// directories.
  asio::awaitable<std::string> create(docker_api::ContainerSpec spec);
  /// Its first half: only the container.
  asio::awaitable<std::string> make(docker_api::ContainerSpec spec);
  /// Its second half: `entries`, if there are any, and the directories by one call.
  asio::awaitable<void> fill(std::string container, std::optional<docker_api::TarBuilder> entries);
  /// A volume to be removed at the end.
  void goes_with_job(const std::string& volume);
  asio::awaitable<void> create_service(const ServicePlan& planned, docker_api::ImageDetails image,
                                       Service& service);
  std::vector<std::string> isolate_late(const ServicePlan& planned,
                                        const docker_api::ImageDetails& image);
  DindHost dind_host(const ServicePlan& planned) const;
  asio::awaitable<void> keep_layers(const ServicePlan& planned, docker_api::ContainerSpec& spec,
                                    Service& service);
  asio::awaitable<bool> brings_certificates(std::string container, std::string cert_dir);
  void add_certificates(const ServicePlan& planned, const DindDecision& decision,
                        const Service& service, docker_api::TarBuilder& entries);
  void give_layers_up(Service& service);
  asio::awaitable<void> remove_everything();
  asio::awaitable<void> end_following();
  asio::awaitable<void> remove_objects();
  void add_service_hosts(docker_api::ContainerSpec& spec) const;
  std::string draw_mark() const;
  /// "" outside of a daemon.
  std::string job_key() const;
  void leave_to_reaper(Reaper::Kind kind, std::string id);

  Engine& engine_;
  docker_api::Client& client_;
  Plan plan_;
  JobLog& log_;
  Reaper& reaper_;
  Checkpoint checkpoint_;
  JobUse use_;
  JobImages images_;
  bool prepared_ = false;
  std::vector<std::string> containers_;  ///< every container made, for cleanup
  std::vector<std::string> volumes_;     ///< temporary ones that may exist, for cleanup
  std::string network_id_;               ///< id or, until that is known, name
  bool directories_made_ = false;
  std::vector<Service> services_;                   ///< as plan_.services
  std::unique_ptr<DindCertificates> certificates_;  ///< of the job's dind services
  std::set<std::string> certified_;  ///< directories on shared volumes that have certificates
  std::unique_ptr<AgentContainer> helper_;
  std::unique_ptr<AgentContainer> build_;
  util::TaskGroup creating_;   ///< the build container, made while the helper fetches the sources
  util::TaskGroup following_;  ///< the logs of services, into the job's
  docker_api::ImageDetails build_image_;
  bool build_started_ = false;
  bool build_spoiled_ = false;        ///< making or starting it ahead of time failed
  bool helper_removed_ = false;       ///< by somebody else; the next stage for it makes it again
  bool build_image_removed_ = false;  ///< perhaps, with the container that used it
  bool begun_here_ = false;           ///< the stage under way has reached its container
  std::uint32_t next_stage_ = 1;
  Begun begun_;
  bool adopted_ = false;
  std::string adopting_;  ///< what adopt() was given, until it has ended
  std::optional<AgentContainer::Snapshot> left_helper_;  ///< by the process before this one
  std::optional<AgentContainer::Snapshot> left_build_;
  AgentContainer* current_ = nullptr;  ///< where the stage under way runs
  bool stop_requested_ = false;        ///< since the stage under way was asked for
  int starts_ = 0;
};

/// The reference under which a container is made of an inspected image: its digest, else its id.
std::string image_reference(const docker_api::ImageDetails& image);
/// The platform of a container: none if none was asked for, else that of the image it got.
std::string container_platform(const std::string& asked, const docker_api::ImageDetails& image);

}  // namespace slipway::executors::docker
