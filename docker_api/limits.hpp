#pragma once

#include <chrono>
#include <cstddef>

#include "net/client.hpp"

namespace slipway::docker_api {

/// How long the Engine may take, per kind of call. A loaded host needs minutes to create or start a
/// container; what makes a call fail is an Engine that hangs, not one that is slow.
namespace limits {

inline constexpr std::chrono::milliseconds connect = std::chrono::seconds{300};
inline constexpr std::chrono::milliseconds tls_handshake = std::chrono::seconds{60};
inline constexpr std::chrono::milliseconds query_total = std::chrono::seconds{120};
inline constexpr std::chrono::milliseconds change_total = std::chrono::seconds{300};
inline constexpr std::chrono::milliseconds upload_total = std::chrono::hours{1};
inline constexpr std::chrono::milliseconds stream_head = std::chrono::seconds{120};
inline constexpr std::chrono::milliseconds stream_idle = std::chrono::seconds{120};
inline constexpr std::chrono::milliseconds pull_idle = std::chrono::minutes{10};
inline constexpr std::chrono::milliseconds forever{0};
/// A removal that another caller began.
inline constexpr std::chrono::milliseconds removal = std::chrono::seconds{60};
/// From the end of an exec's output to the Engine knowing its exit code.
inline constexpr std::chrono::milliseconds exec_end = std::chrono::seconds{30};

inline constexpr std::size_t max_answer = 16u << 20;
inline constexpr std::size_t max_error = 64u << 10;
/// One object of a progress or event stream.
inline constexpr std::size_t max_object = 1u << 20;

net::Limits query();                                      ///< reads something
net::Limits change(std::chrono::milliseconds more = {});  ///< create, start, stop, remove
net::Limits upload();                                     ///< archives and imports
net::Limits stream(std::chrono::milliseconds idle);       ///< answers that are pulled

}  // namespace limits
}  // namespace slipway::docker_api
