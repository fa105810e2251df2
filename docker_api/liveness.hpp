#pragma once

#include <chrono>
#include <string_view>

#include "util/asio_fwd.hpp"

namespace slipway::docker_api {

class Transport;

/// Tells an Engine that is slow from one that hangs, while one call waits for it: whenever nothing
/// has come for Patience::silence, the Engine is asked for a ping. `transport` must outlive it.
class Liveness {
 public:
  /// \param call  its documented name, for the error's text.
  Liveness(Transport& transport, std::string_view call);

  /// Something came: the Engine lives.
  void heard() { last_ = std::chrono::steady_clock::now(); }

  /// Runs `work`, the waits of the call. \throws what `work` throws; net::Error when a ping is not
  /// answered, and then `work` is cancelled. Cancellation: any kind.
  asio::awaitable<void> guard(asio::awaitable<void> work);

 private:
  asio::awaitable<void> watch();

  Transport& transport_;
  std::string_view call_;
  std::chrono::steady_clock::time_point last_;
};

}  // namespace slipway::docker_api
