#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace slipway::fakes {

/// A server of S3's protocol that refuses what is not signed as it should be (s3_server.py), with
/// one bucket. It shares no code with what signs. Servers that a package brings were no help:
/// s3rver 3.7 takes any signature in an address for right, moto asks for none. Which addresses this
/// one takes and refuses was compared with botocore's, made with the right and with wrong keys.
///
/// It ends with the object or this process. Blocking.
class S3Server {
 public:
  /// Listens on any port of `address`. \throws std::runtime_error if it does not start.
  explicit S3Server(const std::string& address = "127.0.0.1");
  S3Server(const S3Server&) = delete;
  ~S3Server();

  static constexpr auto bucket = "caches";
  static constexpr auto access_key = "AKIDEXAMPLE";
  static constexpr auto secret_key = "the+very/secret+key";

  /// `address:port`
  const std::string& host() const { return host_; }
  /// What it was asked so far: `PUT 200 /caches/name -`; a refusal has its code at the end.
  std::vector<std::string> requests();

 private:
  pid_t process_ = -1;
  int output_ = -1;
  std::string read_;  ///< of its output
  std::string host_;
};

}  // namespace slipway::fakes
