#pragma once

#include <chrono>
#include <cstddef>

#include "net/client.hpp"

namespace slipway::docker_api {

/// How long the Engine may take, per kind of call. A loaded host needs minutes to create or start a
/// container: what makes a call fail is an Engine that hangs, not one that is slow. Therefore a
/// call that has been silent for `silence` is asked after by a ping, again and again; it fails when
/// no answer comes within `ping`, or at the limit of its own kind. Streams that may be silent for
/// ever (wait, events) have the ping alone.
struct Patience {
  std::chrono::milliseconds connect = std::chrono::seconds{30};
  std::chrono::milliseconds tls_handshake = std::chrono::seconds{30};
  std::chrono::milliseconds ping = std::chrono::seconds{30};
  std::chrono::milliseconds silence = std::chrono::seconds{30};
  std::chrono::milliseconds query = std::chrono::seconds{60};      ///< info, inspect, stat
  std::chrono::milliseconds list = std::chrono::seconds{120};      ///< all objects of a kind
  std::chrono::milliseconds change = std::chrono::seconds{300};    ///< create, start, stop, remove
  std::chrono::milliseconds attach = std::chrono::seconds{60};     ///< until the stream is there
  std::chrono::milliseconds archive = std::chrono::seconds{300};   ///< a small archive, either way
  std::chrono::milliseconds upload = std::chrono::hours{1};        ///< an image's archive
  std::chrono::milliseconds pull_idle = std::chrono::minutes{10};  ///< without any progress
  /// A removal that another caller began.
  std::chrono::milliseconds removal = std::chrono::seconds{60};
  /// An Engine that was there and is away, as in a restart, before a job is failed for it.
  std::chrono::milliseconds comeback = std::chrono::seconds{60};
  /// A job's network for which there are no addresses, before the job is failed for it.
  std::chrono::milliseconds addresses = std::chrono::seconds{30};
};

namespace limits {

/// The limits in force: one set per process. Only tests change it, since they cannot wait so long.
Patience& patience();

inline constexpr std::chrono::milliseconds stream_idle = std::chrono::seconds{120};
inline constexpr std::chrono::milliseconds forever{0};
/// From the end of an exec's output to the Engine knowing its exit code.
inline constexpr std::chrono::milliseconds exec_end = std::chrono::seconds{30};

inline constexpr std::size_t max_answer = 16u << 20;
inline constexpr std::size_t max_error = 64u << 10;
/// One object of a progress or event stream.
inline constexpr std::size_t max_object = 1u << 20;

net::Limits ping();
net::Limits query();                                      ///< reads something
net::Limits list();                                       ///< reads everything of a kind
net::Limits change(std::chrono::milliseconds more = {});  ///< create, start, stop, remove
net::Limits attach();
net::Limits archive();
net::Limits upload();                                ///< an image's archive; the answer is a stream
net::Limits stream(std::chrono::milliseconds idle);  ///< answers that are pulled
net::Limits pull();

}  // namespace limits
}  // namespace slipway::docker_api
