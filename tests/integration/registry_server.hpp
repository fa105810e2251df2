#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace slipway::tests {

/// A real container registry (Debian's docker-registry) of a test's own, without TLS: Engines take
/// one on 127.0.0.0/8, or in a network that they were told of, as it is. Its storage is empty at
/// the beginning and gone with the object; the process ends with this one. Needs the packages
/// docker-registry and, for a password, apache2-utils; throws std::runtime_error that says what is
/// missing. Blocking.
class RegistryServer {
 public:
  struct Options {
    std::string address = "127.0.0.1";
    std::uint16_t port = 0;   ///< 0 = any
    bool everywhere = false;  ///< listens on all addresses: containers reach it at a gateway's
    std::string user;         ///< "" = everybody may push and pull
    std::string password;
  };
  RegistryServer() : RegistryServer{Options{}} {}
  explicit RegistryServer(Options options);
  RegistryServer(const RegistryServer&) = delete;
  ~RegistryServer();

  /// `address:port`, as in an image's name.
  const std::string& host() const { return host_; }
  /// The same as seen by who knows this machine by another address.
  std::string host_at(const std::string& address) const;
  /// Docker's client configuration with the registry's user and password for `host` ("" = host());
  /// `{}` without any.
  std::string client_config(const std::string& host = "") const;
  /// Pushes `image` of an Engine (its address; "" = that of DOCKER_HOST) as `<host()>/<name>` and
  /// takes that name away there again. Returns the digest. \throws std::runtime_error with what the
  /// registry says.
  std::string push(const std::string& image, const std::string& name, std::string engine = "");

  /// Makes `repository:tag` an image for two platforms: that of `digest`, which was pushed to the
  /// repository, and the same with another architecture in its description. For a registry without
  /// a password.
  void add_platform(const std::string& repository, const std::string& tag,
                    const std::string& digest, const std::string& architecture);

  /// Ends it; its storage stays.
  void stop();
  /// Starts it again, at the same address.
  void start();
  /// What it was asked, in order: `GET /v2/a/b/manifests/1 200`.
  std::vector<std::string> requests() const;
  /// How many of `requests()` from number `from` on begin and go on so.
  int count(const std::string& method, const std::string& part, std::size_t from = 0) const;

 private:
  void write_configuration() const;
  std::string upload(const std::string& target, const std::string& type, const std::string& bytes);

  Options options_;
  std::filesystem::path directory_;
  std::string host_;
  pid_t process_ = -1;
};

}  // namespace slipway::tests
