#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "docker_api/stream.hpp"

namespace slipway::docker_api {
namespace {

constexpr std::size_t header_length = 8;
constexpr std::size_t max_system_error = 64u << 10;

std::uint32_t payload_size(const char* header) {
  std::uint32_t size = 0;
  for (int i = 4; i < 8; ++i) size = size << 8 | static_cast<unsigned char>(header[i]);
  return size;
}

}  // namespace

void StreamParser::begin_frame(const char* header) {
  const auto type = static_cast<unsigned char>(header[0]);
  if (type > 3)
    throw std::runtime_error{fmt::format("unknown stream type {} from the Engine", type)};
  // What comes back from stdin counts as output.
  type_ = type == 0 ? StreamType::out : static_cast<StreamType>(type);
  remaining_ = payload_size(header);
  if (type_ == StreamType::system_error && remaining_ == 0) fail();
}

void StreamParser::fail() const {
  throw std::runtime_error{"error from daemon in stream: " + system_error_};
}

void StreamParser::take_system_error(std::string_view piece) {
  system_error_ += piece.substr(0, max_system_error - system_error_.size());
  if (remaining_ == 0 || system_error_.size() == max_system_error) fail();
}

void StreamParser::feed(std::string_view bytes, const Sink& sink) {
  while (!bytes.empty()) {
    if (remaining_ > 0) {
      const auto piece = bytes.substr(0, remaining_);
      bytes.remove_prefix(piece.size());
      remaining_ -= static_cast<std::uint32_t>(piece.size());
      if (type_ == StreamType::system_error)
        take_system_error(piece);
      else
        sink(type_, piece);
    } else if (header_size_ == 0 && bytes.size() >= header_length) {
      begin_frame(bytes.data());
      bytes.remove_prefix(header_length);
    } else {
      const auto size = std::min(header_length - header_size_, bytes.size());
      std::memcpy(header_ + header_size_, bytes.data(), size);
      header_size_ += size;
      bytes.remove_prefix(size);
      if (header_size_ < header_length) return;
      header_size_ = 0;
      begin_frame(header_);
    }
  }
}

}  // namespace slipway::docker_api
