#include "agent/frame.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "agent/bytes.hpp"
#include "util/crc32.hpp"

namespace slipway::agent {
namespace {

// A peer that knows the mark can send marks back to back, and every one costs a checksum of up to
// 4 KiB. After so many failures in a row a broken candidate is skipped as a whole.
constexpr unsigned patience = 1000;

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  throw std::invalid_argument{"an agent's mark is 16 lower-case hex digits"};
}

}  // namespace

Mark::Mark(std::string_view hex) {
  if (hex.size() != 2 * bytes_.size())
    throw std::invalid_argument{"an agent's mark is 16 lower-case hex digits"};
  for (std::size_t i = 0; i < bytes_.size(); ++i)
    bytes_[i] = static_cast<char>(hex_digit(hex[2 * i]) << 4 | hex_digit(hex[2 * i + 1]));
}

char Mark::filler() const {
  char candidate = '\n';
  while (bytes().find(candidate) != std::string_view::npos) ++candidate;
  return candidate;
}

std::string encode(const Mark& mark, const Frame& frame) {
  if (frame.payload.size() > max_payload) throw std::length_error{"agent frame too long"};
  ByteWriter out;
  out.reserve(frame_header + frame.payload.size() + frame_trailer);
  out.raw(mark.bytes());
  out.number(static_cast<std::uint16_t>(frame.payload.size()));
  out.number(static_cast<std::uint8_t>(frame.type));
  out.number(frame.flags);
  out.number(frame.stage);
  out.number(frame.number);
  out.number(frame.confirm);
  out.raw(frame.payload);
  auto bytes = out.take();
  ByteWriter trailer;
  trailer.number(util::crc32(bytes));
  return bytes += trailer.take();
}

void FrameParser::feed(std::string_view bytes, FrameSink& sink) {
  if (pending_.empty()) {
    pending_ = bytes.substr(scan(bytes, sink));
    return;
  }
  pending_ += bytes;
  pending_.erase(0, scan(pending_, sink));
}

void FrameParser::flush(FrameSink& sink) {
  // What looked like a frame is none; a whole one may stand behind it.
  while (!pending_.empty()) {
    sink.on_foreign(std::string_view{pending_}.substr(0, 1));
    pending_.erase(0, 1);
    pending_.erase(0, scan(pending_, sink));
  }
}

// The first place at or after `from` where a mark stands, or where the data ends in a part of one.
std::size_t FrameParser::find_mark(std::string_view data, std::size_t from) const {
  const auto mark = mark_.bytes();
  const auto whole = data.find(mark, from);
  if (whole != std::string_view::npos) return whole;
  const auto overlap = std::min(mark.size() - 1, data.size() - from);
  for (auto length = overlap; length > 0; --length)
    if (data.substr(data.size() - length) == mark.substr(0, length)) return data.size() - length;
  return data.size();
}

// Returns how many bytes are done with.
std::size_t FrameParser::scan(std::string_view data, FrameSink& sink) {
  std::size_t at = 0;
  while (at < data.size()) {
    const auto begin = find_mark(data, at);
    if (begin > at) sink.on_foreign(data.substr(at, begin - at));
    at = begin;
    const auto rest = data.substr(at);
    if (rest.size() < mark_.bytes().size() + 2) break;

    ByteReader in{rest.substr(mark_.bytes().size())};
    const std::size_t length = in.number<std::uint16_t>();
    const auto total = frame_header + length + frame_trailer;
    if (length > max_payload) {
      sink.on_foreign(rest.substr(0, 1));
      ++at;
      continue;
    }
    if (rest.size() < total) break;
    Frame frame;
    frame.type = static_cast<FrameType>(in.number<std::uint8_t>());
    frame.flags = in.number<std::uint8_t>();
    frame.stage = in.number<std::uint32_t>();
    frame.number = in.number<std::uint64_t>();
    frame.confirm = in.number<std::uint64_t>();
    frame.payload = rest.substr(frame_header, length);
    ByteReader trailer{rest.substr(total - frame_trailer)};
    if (trailer.number<std::uint32_t>() == util::crc32(rest.substr(0, total - frame_trailer))) {
      broken_ = 0;
      sink.on_frame(frame);
      at += total;
      continue;
    }
    const auto skip = ++broken_ > patience ? total : 1;
    sink.on_foreign(rest.substr(0, skip));
    at += skip;
  }
  return at;
}

}  // namespace slipway::agent
