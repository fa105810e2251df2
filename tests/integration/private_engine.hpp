#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace slipway::tests {

/// A Docker Engine of a test's own, beside the one that DOCKER_HOST names: a real dockerd that may
/// be stopped, killed and started with other options. It lives in namespaces of its own (processes,
/// mounts, network), so that it cannot disturb another Engine's bridge or packet filter, and all of
/// it is gone when the first process there ends: at destruction, and when this process dies.
/// Containers reach the test at gateway(). Needs root, dockerd, iproute2 and util-linux; throws
/// std::runtime_error that says what is missing. Blocking, but for what is documented otherwise.
class PrivateEngine {
 public:
  struct Options {
    bool live_restore = false;
    /// `base=…,size=…` of the networks that are made; "" = dockerd's own.
    std::string address_pool;
    /// Size of a file system of its own for the images and containers of this start; 0 = the data
    /// that stays from start to start.
    int data_mib = 0;
    std::vector<std::string> more;  ///< further arguments of dockerd
  };

  PrivateEngine() : PrivateEngine{'e'} {}
  PrivateEngine(const PrivateEngine&) = delete;
  virtual ~PrivateEngine();

  /// The one that all tests of the process share: images that one test has loaded the next one has.
  static PrivateEngine& shared();

  /// Starts dockerd; does not wait. It must not run.
  void launch(const Options& options);
  /// Starts dockerd and waits until it answers.
  void start(const Options& options);
  /// Sends a signal to dockerd; does not wait.
  void signal(int number);
  /// True while dockerd's process is there; does not wait.
  bool running();
  /// True if it answers a ping within a second.
  bool answers() const;
  /// TERM, and waits for the end.
  void stop();
  /// Ends dockerd and all that runs in its namespaces (containerd, shims, containers) at once, as a
  /// loss of power does, and forgets what a machine that starts again has forgotten.
  void lose_power();
  /// Runs a shell command in the namespaces and returns its output. \throws as shell().
  std::string inside(const std::string& command) const;

  /// Copies an image from the Engine that DOCKER_HOST named when this object was made, unless it is
  /// there.
  void need_image(const std::string& name);

  std::string socket() const { return (directory_ / "docker.sock").string(); }
  std::string host() const { return "unix://" + socket(); }
  /// Where this process sees the data of the present start.
  std::string data_root() const;
  /// This process's address as containers, and dockerd, reach it: where servers of a test listen.
  const std::string& gateway() const { return gateway_; }
  const Options& options() const { return options_; }
  /// The last lines of dockerd's log.
  std::string log() const;

 protected:
  /// `kind` tells the engines of one process apart: a letter.
  explicit PrivateEngine(char kind);
  /// The program and its arguments, in the namespaces.
  virtual std::vector<std::string> command(const Options& options) const;
  const std::filesystem::path& directory() const { return directory_; }
  const std::string& name() const { return name_; }

 private:
  void make_namespaces();
  void make_link();
  void mount_data(int mib);
  void forget_cgroups() const;

  std::filesystem::path directory_;
  std::string name_;  ///< of the network device and the control group
  std::string gateway_;
  std::string own_address_;
  std::string first_engine_;  ///< DOCKER_HOST
  Options options_;
  pid_t outside_ = -1;   ///< `unshare`, which ends with this process
  pid_t init_ = -1;      ///< the namespaces' first process
  pid_t entering_ = -1;  ///< `nsenter`, parent of dockerd
  pid_t dockerd_ = -1;
};

/// Waits for `condition`, looking every 20 ms; false past `limit`. Blocking.
bool wait_for(const std::function<bool()>& condition, std::chrono::milliseconds limit);

/// Runs a shell command and returns its output. \throws std::runtime_error with it on a failure.
std::string shell(const std::string& command);

}  // namespace slipway::tests
