#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "docker_api/client.hpp"
#include "executors/docker/collector_in_use.hpp"
#include "executors/docker/collector_usage.hpp"
#include "executors/docker/helper_volume.hpp"
#include "executors/docker/job_images.hpp"
#include "executors/docker/plan.hpp"
#include "executors/docker/shared_pulls.hpp"
#include "executors/job_log.hpp"
#include "job/failure.hpp"
#include "util/asio_fwd.hpp"
#include "util/mutex.hpp"

namespace slipway::executors::docker {

/// The name of an object to be made belongs to something that is not the job's: it must be left
/// alone.
class NameTaken : public job::Failure {
 public:
  NameTaken(const std::string& kind, const std::string& name);
};

/// What the executors of one process share per Engine: the connection, what is known of the Engine,
/// and what is made on it once (helper volume, helper image). Must outlive the executors that use
/// it.
class Engine {
 public:
  struct Settings {
    std::string
        host;  ///< "" = DOCKER_HOST and its companions of the environment, else the default socket
    bool tls_verify = false;
    std::string tls_cert_path;
    std::string helper_binary;         ///< path of slipway-helper
    std::string helper_image_archive;  ///< path; may be missing
    std::string helper_image_name;     ///< slipway-helper:<version>
    std::string state_id;
    UsageLog* usage = nullptr;        ///< told of what jobs bring and use; may be null
    std::function<void()> disk_full;  ///< called when the Engine refuses for want of space
    /// How long an agent goes on without a daemon.
    std::chrono::milliseconds adopt_timeout{std::chrono::minutes{10}};
  };

  /// \throws job::Failure `creating docker connection: …` for an address or certificates that are
  /// no good.
  Engine(asio::any_io_executor executor, Settings settings);

  docker_api::Client& client() { return client_; }
  asio::any_io_executor executor() const { return executor_; }
  /// Its address, settled: never "".
  const std::string& host() const { return settings_.host; }
  std::chrono::milliseconds adopt_timeout() const { return settings_.adopt_timeout; }
  /// What the jobs of this process use, kept from the disk collector.
  InUse& in_use() { return in_use_; }
  UsageLog* usage() const { return settings_.usage; }
  /// What to tell the user of a job if the error means that the Engine's disk is full; nullopt for
  /// any other.
  std::optional<job::Failure> disk_full(const docker_api::EngineError& error) const;
  const HelperVolume& helper_volume() const { return volume_; }

  /// Connects and learns what the Engine is: the first time, and whenever it may have become
  /// another one since (it was away, or was upgraded). One that was there before and is away, as in
  /// a restart, is waited for (Patience::comeback); `log`, which may be null, tells the user so.
  /// `expected`: it was there when the job began, even if this process has not seen it yet.
  /// \throws job::Failure with the documented texts. Cancellation: any kind.
  asio::awaitable<void> connect(JobLog* log = nullptr, bool expected = false);
  /// False if something went wrong since connect() (or may have, with `ask`) and a ping on a new
  /// connection is not answered either. Cancellation: any kind.
  asio::awaitable<bool> answers(bool ask = false);
  const docker_api::Info& info() const { return *info_; }
  /// True if slipway-helper can run on the Engine's architecture.
  bool agent_possible() const;
  /// Makes the helper volume whole, once; `again` looks a second time (somebody may have emptied
  /// it). True if it had to be filled. As create_container().
  asio::awaitable<bool> ensure_helper_volume(std::string image, JobLog& log, bool again = false);
  /// The id of our own helper image, imported from the archive if the Engine lacks it; without
  /// that archive GitLab Runner's of the plan's flavor, pulled unless it is there. \throws
  /// job::Failure.
  asio::awaitable<std::string> helper_image(const Plan& plan, JobImages& images, JobLog& log);
  const std::string& helper_image_name() const { return settings_.helper_image_name; }

  /// Makes a container and returns its id, also when the answer was lost or the Engine was away for
  /// a while: what carries the spec's name and all its labels is what was made. \throws NameTaken,
  /// job::Failure (the Engine stays away), EngineError, net::Error. Cancellation: reaches the
  /// caller when the Engine has answered.
  asio::awaitable<std::string> create_container(docker_api::ContainerSpec spec, JobLog& log);
  /// The same for a network. One for which the Engine has no addresses left waits a while
  /// (Patience::addresses) for another job's to go. \throws job::Failure when none goes.
  asio::awaitable<std::string> create_network(docker_api::NetworkSpec spec, JobLog& log);
  /// Starts one that create_container() made; also if the Engine was away for a while.
  asio::awaitable<void> start_container(std::string id, JobLog& log);

  /// Makes an image available by its policies and returns what it is. What `images` knows of it
  /// already is not pulled again. \throws job::Failure. Cancellation: any kind; the Engine drops
  /// the pull unless another job waits for it, too.
  asio::awaitable<docker_api::ImageDetails> resolve_image(ImagePlan image, JobImages& images,
                                                          JobLog& log);

 private:
  asio::awaitable<void> wait_for_answer(JobLog* log, bool expected);
  asio::awaitable<void> learn();
  /// Does `step` again when the Engine was away, or went away, and is back. `step` must be harmless
  /// to repeat, and outlive the call.
  asio::awaitable<void> persist(const std::function<asio::awaitable<void>()>& step, JobLog& log);
  asio::awaitable<void> make_volumes(const docker_api::ContainerSpec& spec);
  asio::awaitable<void> make_container(const docker_api::ContainerSpec& spec, std::string& id);
  asio::awaitable<std::optional<std::string>> find_container(const docker_api::ContainerSpec& spec);
  asio::awaitable<void> make_network(const docker_api::NetworkSpec& spec, std::string& id,
                                     JobLog& log);
  asio::awaitable<bool> make_small_network(docker_api::NetworkSpec spec, std::string& id);
  asio::awaitable<std::optional<std::string>> find_network(const docker_api::NetworkSpec& spec);
  asio::awaitable<void> look_at_helper_volume(const std::string& image, bool again, bool& filled);
  asio::awaitable<std::optional<docker_api::ImageDetails>> look_at(const ImagePlan& image,
                                                                   std::string& absent);
  asio::awaitable<docker_api::ImageDetails> resolve_with_policy(ImagePlan image, std::string policy,
                                                                JobImages& images, JobLog& log);
  asio::awaitable<void> pull(ImagePlan image, bool fresh, JobImages& images, JobLog& log);
  asio::awaitable<std::optional<std::string>> own_helper_image(JobLog& log);

  asio::any_io_executor executor_;
  Settings settings_;
  docker_api::Client client_;
  HelperVolume volume_;
  InUse in_use_;
  SharedPulls pulls_;
  std::optional<docker_api::Info> info_;
  std::uint64_t seen_disturbances_ = 0;  ///< of client_, when info_ was learnt
  bool volume_whole_ = false;
  util::Mutex learning_;  ///< learn(): its own, since it is what every job waits for first
  util::Mutex
      setup_;  ///< what is done once per Engine is done by one job, and the others wait for it
};

}  // namespace slipway::executors::docker
