#include "docker_api/path_stat.hpp"

#include <sys/stat.h>

#include <nlohmann/json.hpp>
#include <string>

#include "docker_api/json.hpp"

namespace slipway::docker_api {
namespace {

/// Stops at the first character that is no base64; the JSON parser then finds what is missing.
std::string decode_base64(std::string_view text) {
  constexpr std::string_view alphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const auto value = alphabet.find(c);
    if (value == std::string_view::npos) break;
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes += static_cast<char>(bits >> count & 0xff);
  }
  return bytes;
}

/// Go keeps the permission bits of POSIX and has its own for everything else.
std::uint32_t posix_mode(std::uint64_t go_mode) {
  struct Bit {
    std::uint64_t go;
    std::uint32_t posix;
  };
  constexpr Bit special[] = {{1u << 23, S_ISUID}, {1u << 22, S_ISGID}, {1u << 20, S_ISVTX}};
  constexpr Bit kinds[] = {{1u << 31, S_IFDIR},  {1u << 27, S_IFLNK}, {1u << 25, S_IFIFO},
                           {1u << 24, S_IFSOCK}, {1u << 21, S_IFCHR}, {1u << 26, S_IFBLK}};
  auto mode = static_cast<std::uint32_t>(go_mode & 0777);
  for (const auto& bit : special)
    if (go_mode & bit.go) mode |= bit.posix;
  for (const auto& kind : kinds)
    if (go_mode & kind.go) return mode | kind.posix;
  return mode | S_IFREG;
}

}  // namespace

Client::PathStat read_path_stat(std::string_view call, std::string_view header) {
  Client::PathStat stat;
  decode(call, decode_base64(header), [&](const nlohmann::json& object) {
    stat.size = number(object, "size");
    stat.mode = posix_mode(static_cast<std::uint64_t>(number(object, "mode")));
  });
  return stat;
}

}  // namespace slipway::docker_api
