#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>

namespace slipway::tests {

/// A real forward proxy (tinyproxy) at an address of this host, as long as the object lives. Throws
/// std::runtime_error when it cannot be started.
class ForwardProxy {
 public:
  explicit ForwardProxy(const std::string& address, int port = 18888);
  ForwardProxy(const ForwardProxy&) = delete;
  ~ForwardProxy();

  std::string url() const { return url_; }
  /// What it was asked for so far.
  std::string log() const;

 private:
  std::filesystem::path directory_;
  std::string url_;
  pid_t process_ = -1;
};

}  // namespace slipway::tests
