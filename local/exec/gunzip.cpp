#include "local/exec/gunzip.hpp"

#include <zlib.h>

#include <array>
#include <stdexcept>

namespace slipway::local::exec {

std::string gunzip(std::string_view packed) {
  constexpr std::size_t max_text = 1u << 20;
  constexpr int any_header = 15 + 16;  // the largest window, gzip alone
  z_stream stream{};
  if (inflateInit2(&stream, any_header) != Z_OK) throw std::invalid_argument{"zlib has no memory"};
  struct End {
    z_stream& stream;
    ~End() { inflateEnd(&stream); }
  };
  const End end{stream};
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  std::string text;
  std::array<char, 4096> buffer{};
  int state = Z_OK;
  while (state == Z_OK) {
    stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream.avail_out = buffer.size();
    state = inflate(&stream, Z_NO_FLUSH);
    text.append(buffer.data(), buffer.size() - stream.avail_out);
    if (text.size() > max_text) throw std::invalid_argument{"it unpacks to more than 1 MiB"};
  }
  if (state != Z_STREAM_END) throw std::invalid_argument{"it is no whole gzip file"};
  return text;
}

}  // namespace slipway::local::exec
