#include "cmd/slipway-demo/screen.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace slipway::demo {

namespace {

constexpr std::size_t columns = 96;
constexpr std::string_view plain_characters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:=@%+";

/// A reader that went away (`| head`) does not keep the demo from cleaning up.
void write_all(int file, std::string_view text) {
  while (!text.empty()) {
    const auto written = ::write(file, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

std::string quoted(const std::string& argument) {
  if (!argument.empty() && argument.find_first_not_of(plain_characters) == std::string::npos)
    return argument;
  std::string text = "\"";
  for (const char c : argument) {
    if (c == '"' || c == '\\' || c == '$' || c == '`') text += '\\';
    text += c;
  }
  return text + '"';
}

}  // namespace

Screen::Screen() {
  const char* no_color = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  colours_ = ::isatty(STDOUT_FILENO) == 1 && (!no_color || !*no_color) && term &&
             std::string_view{term} != "dumb";
}

void Screen::write(std::string_view text) const {
  write_all(STDOUT_FILENO, text);
}

void Screen::line(std::string_view text) const {
  write(fmt::format("{}\n", text));
}

void Screen::step(std::string_view text) const {
  write(fmt::format("==> {}\n", text));
}

void Screen::error(std::string_view text) const {
  write_all(STDERR_FILENO, fmt::format("error: {}\n", text));
}

void Screen::row(std::string_view name, std::string_view value) const {
  write(fmt::format("    {:<14}{}\n", name, value));
}

std::string join(const std::vector<std::string>& words) {
  std::string text;
  for (std::size_t at = 0; at < words.size(); ++at) {
    if (at > 0) text += at + 1 == words.size() ? " and " : ", ";
    text += words[at];
  }
  return text;
}

std::string shell_text(const std::vector<std::string>& arguments) {
  std::string text;
  std::size_t used = 0;
  for (std::size_t at = 0; at < arguments.size(); ++at) {
    auto word = quoted(arguments[at]);
    // A flag stays beside its value.
    const bool has_value = arguments[at].starts_with('-') && at + 1 < arguments.size() &&
                           !arguments[at + 1].starts_with('-');
    if (has_value) word += " " + quoted(arguments[++at]);
    if (used > 0 && used + word.size() + 1 > columns) {
      text += " \\\n    ";
      used = 4;
    } else if (used > 0) {
      text += ' ';
      ++used;
    }
    text += word;
    used += word.size();
  }
  return text;
}

}  // namespace slipway::demo
