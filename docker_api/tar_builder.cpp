#include <fmt/format.h>

#include <array>
#include <cstring>
#include <stdexcept>

#include "docker_api/client.hpp"

namespace slipway::docker_api {
namespace {

constexpr std::size_t block = 512;

/// A ustar header (POSIX.1-1988): fixed fields, numbers in octal.
struct Header {
  char name[100];
  char mode[8];
  char uid[8];
  char gid[8];
  char size[12];
  char mtime[12];
  char checksum[8];
  char type;
  char link_name[100];
  char magic[6];
  char version[2];
  char user_name[32];
  char group_name[32];
  char device_major[8];
  char device_minor[8];
  char prefix[155];
  char padding[12];
};
static_assert(sizeof(Header) == block);

template <std::size_t N>
void put_octal(char (&field)[N], std::uint64_t value) {
  const auto text = fmt::format("{:0{}o}", value, N - 1);
  if (text.size() != N - 1) throw std::length_error{"a file is too big for the archive"};
  std::memcpy(field, text.data(), text.size());
}

template <std::size_t N>
void put_text(char (&field)[N], std::string_view text) {
  std::memcpy(field, text.data(), text.size());
}

/// Splits a path over `prefix` and `name` where a slash allows it. False: neither fits.
bool put_path(Header& header, std::string_view path) {
  if (path.size() <= sizeof header.name) {
    put_text(header.name, path);
    return true;
  }
  const auto slash = path.find('/', path.size() - sizeof header.name - 1);
  if (slash == std::string_view::npos || slash == 0 || slash > sizeof header.prefix ||
      slash + 1 == path.size())
    return false;
  put_text(header.prefix, path.substr(0, slash));
  put_text(header.name, path.substr(slash + 1));
  return true;
}

void append(std::string& data, Header header, char type, std::uint32_t mode,
            std::string_view content) {
  put_octal(header.mode, mode & 07777u);
  put_octal(header.uid, 0);
  put_octal(header.gid, 0);
  put_octal(header.size, content.size());
  put_octal(header.mtime, 0);
  header.type = type;
  std::memcpy(header.magic, "ustar", 6);
  std::memcpy(header.version, "00", 2);
  std::memset(header.checksum, ' ', sizeof header.checksum);
  std::array<unsigned char, block> bytes{};
  std::memcpy(bytes.data(), &header, block);
  std::uint32_t sum = 0;
  for (const auto byte : bytes) sum += byte;
  const auto text = fmt::format("{:06o}", sum);
  std::memcpy(header.checksum, text.data(), text.size());
  header.checksum[6] = '\0';

  data.append(reinterpret_cast<const char*>(&header), block);
  data += content;
  data.append((block - content.size() % block) % block, '\0');
}

/// One `length key=value\n` record of a pax header (POSIX.1-2001); the length counts its own
/// digits.
std::string pax_record(std::string_view key, std::string_view value) {
  const auto rest = key.size() + value.size() + 3;
  auto length = rest + 1;
  while (fmt::formatted_size("{}", length) + rest != length)
    length = fmt::formatted_size("{}", length) + rest;
  return fmt::format("{} {}={}\n", length, key, value);
}

void append_entry(std::string& data, std::string path, char type, std::uint32_t mode,
                  std::string_view content) {
  Header header{};
  if (!put_path(header, path)) {
    Header extended{};
    put_text(extended.name, "pax");
    append(data, extended, 'x', 0644, pax_record("path", path));
    header = Header{};
    put_text(header.name, std::string_view{path}.substr(0, sizeof header.name));
  }
  append(data, header, type, mode, content);
}

std::string relative(std::string_view path) {
  while (path.starts_with('/')) path.remove_prefix(1);
  while (path.ends_with('/')) path.remove_suffix(1);
  if (path.empty() || path.find('\0') != std::string_view::npos)
    throw std::invalid_argument{"an archive entry needs a path"};
  return std::string{path};
}

}  // namespace

void TarBuilder::add_directory(std::string_view path, std::uint32_t mode) {
  append_entry(data_, relative(path) + '/', '5', mode, "");
}

void TarBuilder::add_file(std::string_view path, std::uint32_t mode, std::string_view content) {
  append_entry(data_, relative(path), '0', mode, content);
}

std::string TarBuilder::finish() {
  data_.append(2 * block, '\0');
  auto archive = std::move(data_);
  data_.clear();
  return archive;
}

}  // namespace slipway::docker_api
