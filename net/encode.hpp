#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "net/http.hpp"

namespace slipway::net {

/// How a body is delimited on the wire.
struct Framing {
  enum class Kind { none, length, chunked, until_close } kind = Kind::none;
  std::uint64_t length = 0;
};

/// The head of a request as sent, with its empty line. Host, Content-Length and Transfer-Encoding
/// among its fields are left out: they come from `host` and `framing`. \throws Error with
/// Step::protocol when a part would break out of its line.
std::string encode_request(const Request& request, const std::string& host, Framing framing,
                           const std::string& upgrade_protocol);
/// The head of a response. \param close  adds `Connection: close`.
std::string encode_response(const Response& response, Framing framing, bool close);

/// Room for chunk framing around data in place: the size line goes in front, the line end behind.
inline constexpr std::size_t chunk_front = 18;
inline constexpr std::size_t chunk_back = 2;
/// Frames `size` bytes that stand at `buffer` + chunk_front; returns what to send.
std::string_view frame_chunk(char* buffer, std::size_t size);

}  // namespace slipway::net
