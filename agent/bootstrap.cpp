#include "agent/bootstrap.hpp"

#include <fmt/format.h>

#include <cstdint>

namespace slipway::agent {
namespace {

// Not the mark itself: who sees the marker shall not know how to write frames.
std::string nonce(std::string_view mark) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const auto text : {mark, std::string_view{" plain"}})
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return fmt::format("{:016x}", hash);
}

std::string quoted(std::string_view text) {
  std::string out{"'"};
  for (const char c : text) c == '\'' ? out += "'\\''" : out += c;
  return out += '\'';
}

}  // namespace

std::string bootstrap_line(std::string_view helper_dir, std::string_view mark,
                           const AgentOptions& options) {
  const auto program = quoted(fmt::format("{}/slipway-helper", helper_dir));
  const auto adopt = std::chrono::ceil<std::chrono::seconds>(options.adopt_timeout).count();
  auto arguments = fmt::format("--mark {} --adopt-timeout {}", mark, adopt);
  if (options.umask) arguments += fmt::format(" --umask {:04o}", *options.umask & 0777u);
  // `echo`, not `printf`: not every shell has printf built in, and an image may lack the program.
  return fmt::format(
      "if {0} probe </dev/null >/dev/null 2>&1; then exec {0} agent {1}; fi; echo {2}' 'plain\n",
      program, arguments, nonce(mark));
}

std::string plain_marker(std::string_view mark) {
  return nonce(mark) + " plain\n";
}

}  // namespace slipway::agent
