#include "job/filter_state.hpp"

#include <zlib.h>

#include <stdexcept>

namespace slipway::job {
namespace {

constexpr unsigned char newest = 2;
constexpr std::size_t crc_size = 4;
constexpr std::size_t head_size = 1 + crc_size;

std::string crc_bytes(std::string_view text) {
  const auto crc = ::crc32_z(0, reinterpret_cast<const Bytef*>(text.data()), text.size());
  std::string bytes;
  for (std::size_t i = 0; i < crc_size; ++i) bytes += static_cast<char>(crc >> 8 * i & 0xFF);
  return bytes;
}

}  // namespace

StateWriter::StateWriter() : bytes_(head_size, '\0') {
  bytes_[0] = static_cast<char>(newest);
}

void StateWriter::number(std::uint64_t value) {
  for (; value > 0x7F; value >>= 7) bytes_ += static_cast<char>((value & 0x7F) | 0x80);
  bytes_ += static_cast<char>(value);
}

void StateWriter::text(std::string_view bytes) {
  number(bytes.size());
  bytes_ += bytes;
}

std::string StateWriter::finish() && {
  bytes_.replace(1, crc_size, crc_bytes(std::string_view{bytes_}.substr(head_size)));
  return std::move(bytes_);
}

StateReader::StateReader(std::string_view state) {
  if (!state.empty() && static_cast<unsigned char>(state[0]) > newest)
    throw std::invalid_argument{"the state of the log filters was written by a newer version"};
  require(state.size() >= head_size && state[0] != '\0');
  version_ = static_cast<unsigned char>(state[0]);
  rest_ = state.substr(head_size);
  require(state.substr(1, crc_size) == crc_bytes(rest_));
}

void StateReader::require(bool holds) {
  if (!holds) throw std::invalid_argument{"the state of the log filters is damaged"};
}

std::uint64_t StateReader::number(std::uint64_t most) {
  std::uint64_t value = 0;
  for (unsigned shift = 0;; shift += 7) {
    require(!rest_.empty() && shift < 64);
    const auto byte = static_cast<unsigned char>(rest_.front());
    rest_.remove_prefix(1);
    const std::uint64_t bits = byte & 0x7Fu;
    require(shift == 0 || bits << shift >> shift == bits);
    value |= bits << shift;
    if (byte <= 0x7F) break;
  }
  require(value <= most);
  return value;
}

std::string_view StateReader::text() {
  const auto size = static_cast<std::size_t>(number(rest_.size()));
  require(size <= rest_.size());
  const auto text = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return text;
}

}  // namespace slipway::job
