#pragma once

#include <stdexcept>
#include <string>

namespace slipway::net {

/// Which step of an exchange failed: decides what the user is told and what the caller does next.
enum class Step { resolve, connect, tls, send, receive, protocol, limit };

/// An exchange that brought no complete HTTP answer. The text names the step, the peer (without
/// credentials) and the cause, e.g. `connect to 127.0.0.1:8929: Connection refused`. An HTTP
/// status, even 500, is never a net::Error. Cancellation is not one either: it stays
/// boost::system::system_error with operation_aborted.
class Error : public std::runtime_error {
 public:
  Error(Step step, const std::string& text) : std::runtime_error{text}, step_{step} {}
  Step step() const { return step_; }

 private:
  Step step_;
};

}  // namespace slipway::net
