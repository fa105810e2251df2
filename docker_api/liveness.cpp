#include "docker_api/liveness.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "docker_api/error.hpp"
#include "docker_api/limits.hpp"
#include "docker_api/transport.hpp"
#include "util/async.hpp"

namespace slipway::docker_api {

Liveness::Liveness(Transport& transport, std::string_view call)
    : transport_{transport}, call_{call}, last_{std::chrono::steady_clock::now()} {}

asio::awaitable<void> Liveness::guard(asio::awaitable<void> work) {
  heard();
  auto watching = watch();
  try {
    co_await util::first_of(std::move(work), std::move(watching));
  } catch (const net::Error& error) {
    transport_.lost(call_, error);
  }
}

asio::awaitable<void> Liveness::watch() {
  using Milliseconds = std::chrono::milliseconds;
  auto asked = last_;
  while (true) {
    const auto due = std::max(last_, asked) + limits::patience().silence;
    const auto now = std::chrono::steady_clock::now();
    if (now < due) {
      co_await util::sleep_for(std::chrono::ceil<Milliseconds>(due - now));
      continue;
    }
    bool dead = false;
    try {
      co_await transport_.ping();
    } catch (const net::Error&) {
      dead = true;
    } catch (const EngineError&) {
      // An answer, whatever it says.
    }
    asked = std::chrono::steady_clock::now();
    if (!dead) continue;
    const auto silent = std::chrono::duration<double>{asked - last_}.count();
    throw net::Error{
        net::Step::receive,
        fmt::format("nothing came for {:.0f} s, and a ping is not answered either", silent)};
  }
}

}  // namespace slipway::docker_api
