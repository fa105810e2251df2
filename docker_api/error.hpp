#pragma once

#include <stdexcept>
#include <string>

namespace slipway::docker_api {

/// The Engine answered with an error. what() is `Error response from daemon: <message> (<call>)`.
/// A connection that failed is a net::Error instead.
class EngineError : public std::runtime_error {
 public:
  EngineError(std::string call, int status, std::string message);
  const std::string& call() const { return call_; }
  /// The HTTP status; 200 for an error object inside a progress stream that began well; 0 for an
  /// answer that is not as documented (`unexpected answer to …`) and for an Engine that is too old.
  int status() const { return status_; }
  /// The Engine's own words.
  const std::string& message() const { return message_; }
  bool not_found() const { return status_ == 404; }
  bool conflict() const { return status_ == 409; }

 private:
  std::string call_;
  int status_;
  std::string message_;
};

}  // namespace slipway::docker_api
