#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "docker_api/client.hpp"
#include "executors/docker/helper_volume.hpp"
#include "executors/docker/plan.hpp"
#include "executors/job_log.hpp"
#include "util/asio_fwd.hpp"
#include "util/mutex.hpp"

namespace slipway::executors::docker {

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
  };

  Engine(asio::any_io_executor executor, Settings settings);

  docker_api::Client& client() { return client_; }
  asio::any_io_executor executor() const { return executor_; }
  const HelperVolume& helper_volume() const { return volume_; }

  /// Connects and learns what the Engine is, once. \throws job::Failure with the documented texts.
  asio::awaitable<void> connect();
  const docker_api::Info& info() const { return *info_; }
  /// True if slipway-helper can run on the Engine's architecture.
  bool agent_possible() const;
  /// Makes the helper volume whole, once; `again` looks a second time (somebody may have emptied
  /// it).
  /// True if it had to be filled.
  asio::awaitable<bool> ensure_helper_volume(std::string image, bool again = false);
  /// The local helper image's id; imports it from the archive if the Engine lacks it.
  asio::awaitable<std::string> helper_image(JobLog& log);

  /// Makes an image available by its policies and returns what it is. \throws job::Failure.
  asio::awaitable<docker_api::ImageDetails> resolve_image(ImagePlan image, JobLog& log);

 private:
  asio::awaitable<docker_api::ImageDetails> resolve_with_policy(ImagePlan image, std::string policy,
                                                                JobLog& log);
  asio::awaitable<void> pull(ImagePlan image, JobLog& log);

  asio::any_io_executor executor_;
  Settings settings_;
  docker_api::Client client_;
  HelperVolume volume_;
  std::optional<docker_api::Info> info_;
  bool volume_whole_ = false;
  util::Mutex
      setup_;  ///< what is done once per Engine is done by one job, and the others wait for it
};

}  // namespace slipway::executors::docker
