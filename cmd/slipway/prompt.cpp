#include "cmd/slipway/prompt.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "cmd/slipway/fatal.hpp"

namespace slipway::cmd {

namespace {

constexpr std::size_t line_limit = 65536;

std::string trimmed(const std::string& text) {
  const auto* const blanks = " \t\r\n";
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string::npos) return "";
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

}  // namespace

std::string Prompt::ask(const std::string& question, const std::string& current, Empty empty) {
  for (;;) {
    fmt::print(stderr, "{}\n", question);
    if (!current.empty()) fmt::print(stderr, "[{}]: ", current);
    auto answer = trimmed(read_line());
    if (answer.empty()) answer = current;
    if (!answer.empty() || empty == Empty::allowed) return answer;
  }
}

std::string Prompt::read_line() {
  for (;;) {
    if (const auto end = pending_.find('\n'); end != std::string::npos) {
      auto line = pending_.substr(0, end);
      pending_.erase(0, end + 1);
      return line;
    }
    if (pending_.size() > line_limit) throw panic("The answer is too long");
    pollfd wanted[] = {{STDIN_FILENO, POLLIN, 0}, {interruption_.descriptor(), POLLIN, 0}};
    if (::poll(wanted, 2, -1) < 0 && errno != EINTR) throw panic("Cannot wait for an answer");
    if (wanted[1].revents != 0) throw interruption_.error();
    if (wanted[0].revents == 0) continue;
    char buffer[4096];
    const auto got = ::read(STDIN_FILENO, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) throw panic("Unexpected EOF. Did you mean to use --non-interactive?");
    pending_.append(buffer, static_cast<std::size_t>(got));
  }
}

}  // namespace slipway::cmd
