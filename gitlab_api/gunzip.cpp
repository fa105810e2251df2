#include "gitlab_api/gunzip.hpp"

#include <zlib.h>

#include <algorithm>
#include <limits>

namespace slipway::gitlab_api {

namespace {

constexpr std::size_t piece = 64u << 10;
constexpr int only_gzip = 16;  // as zlib wants it: added to the size of the window

/// zlib's state, which needs an end.
struct Inflater {
  Inflater() { good = ::inflateInit2(&stream, MAX_WBITS + only_gzip) == Z_OK; }
  Inflater(const Inflater&) = delete;
  ~Inflater() { ::inflateEnd(&stream); }

  z_stream stream{};
  bool good = false;
};

}  // namespace

Unpacked gunzip(std::string_view packed, std::size_t max) {
  Unpacked out;
  if (packed.empty()) {
    out.whole = true;  // as servers send it with an empty body
    return out;
  }
  if (packed.size() > std::numeric_limits<uInt>::max()) return out;
  Inflater inflater;
  auto& stream = inflater.stream;
  // zlib does not write there.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  while (inflater.good) {
    const auto have = out.bytes.size();
    const auto room = std::min(piece, max + 1 - have);
    out.bytes.resize(have + room);
    stream.next_out = reinterpret_cast<Bytef*>(out.bytes.data() + have);
    stream.avail_out = static_cast<uInt>(room);
    const int result = ::inflate(&stream, Z_NO_FLUSH);
    out.bytes.resize(have + room - stream.avail_out);
    if (out.bytes.size() > max) {
      out.bytes.resize(max);
      return out;
    }
    if (result == Z_STREAM_END) {
      out.whole = stream.avail_in == 0;
      if (out.whole || ::inflateReset(&stream) != Z_OK) return out;
    } else if (result != Z_OK) {
      return out;
    }
  }
  return out;
}

}  // namespace slipway::gitlab_api
