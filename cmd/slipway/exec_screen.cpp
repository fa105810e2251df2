#include "cmd/slipway/exec_screen.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "local/exec/line_view.hpp"
#include "util/async.hpp"

namespace slipway::cmd {

namespace {

using namespace std::chrono_literals;
constexpr auto frame = 100ms;
constexpr auto long_while = 3'600'000ms;

void write(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

std::size_t terminal_columns() {
  constexpr std::size_t usual = 80;
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return usual;
  return size.ws_col;
}

bool is_set(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0';
}

}  // namespace

ExecScreen::ExecScreen(const ExecOptions& options)
    : colours_{::isatty(STDOUT_FILENO) == 1 && !is_set("NO_COLOR")} {
  const char* terminal = std::getenv("TERM");
  const bool dumb = terminal == nullptr || std::string_view{terminal} == "dumb";
  if (colours_ && !dumb && !options.plain) {
    live_ = std::make_unique<local::exec::LiveView>(write, terminal_columns);
  } else {
    lines_ = std::make_unique<local::exec::LineView>(colours_, write);
  }
}

local::exec::RunObserver& ExecScreen::observer() {
  return live_ ? *live_ : *lines_;
}

asio::awaitable<void> ExecScreen::keep_drawn() {
  while (true) {
    if (live_) live_->draw(std::chrono::steady_clock::now());
    co_await util::sleep_for(live_ ? frame : long_while);
  }
}

void ExecScreen::close() {
  if (live_) live_->close();
}

}  // namespace slipway::cmd
