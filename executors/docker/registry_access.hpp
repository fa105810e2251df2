#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "docker_api/registry_auth.hpp"
#include "executors/docker/plan.hpp"
#include "executors/docker/registry_credentials.hpp"
#include "executors/job_log.hpp"
#include "util/asio_fwd.hpp"
#include "util/mutex.hpp"

namespace slipway::executors::docker {

/// Who one job is at the registries that it pulls from. Sources, in this order: the variable
/// DOCKER_AUTH_CONFIG, Docker's configuration file of the first home directory that has one, the
/// job's payload. Files are read, and helpers asked, when the first image needs them, once per job;
/// helpers only for what the image may need. Must outlive its calls, which may overlap.
class RegistryAccess {
 public:
  RegistryAccess(asio::any_io_executor executor, RegistryPlan plan);

  struct Credential {
    docker_api::RegistryAuth auth;
    std::string source;  ///< as the user is told
  };
  /// The credential with the longest path that leads to `image`; for one path the first source that
  /// knows it. What is wrong with DOCKER_AUTH_CONFIG is said in `log`, once. \throws job::Failure
  /// (the name of a helper leads elsewhere). Cancellation: any kind.
  asio::awaitable<std::optional<Credential>> find(std::string image, JobLog& log);

 private:
  struct Source {
    std::string name;
    bool told = false;  ///< its failures are told to the user
    ClientConfig config;
    std::map<std::string, RegistryEntry> entries;  ///< by path
  };

  asio::awaitable<void> load(JobLog& log);
  void read_file();
  void take_payload();
  void parse(std::string name, bool told, std::string_view text, JobLog* log);
  asio::awaitable<void> look_up(const std::string& path, JobLog& log,
                                std::optional<Credential>& found);
  asio::awaitable<std::string> ask_helper(RegistryEntry& entry);
  static void tell(const Source& source, const std::string& problem, JobLog& log);

  RegistryPlan plan_;
  util::Mutex mutex_;
  bool loaded_ = false;
  std::string refused_;  ///< why no image may be pulled at all
  std::vector<Source> sources_;
};

/// Hides what `auth` must not show, and the forms in which it is sent. Values of less than eight
/// characters stay, as they do with GitLab's own masked variables: they are words of any log.
void hide(const docker_api::RegistryAuth& auth, JobLog& log);

/// Where the process's user lives: $HOME, else what the system says; "" = nowhere.
std::string home_directory();

}  // namespace slipway::executors::docker
