#include "helper/agent/signals.hpp"

namespace slipway::helper {
namespace {

// All that `docker stop` may send as the image's STOPSIGNAL asks, and what a shell would die of.
constexpr int ending_signals[] = {SIGTERM, SIGINT, SIGQUIT, SIGHUP};

volatile std::sig_atomic_t child_ended = 0;
volatile std::sig_atomic_t end_asked = 0;

void on_signal(int number) {
  if (number == SIGCHLD) {
    child_ended = 1;
  } else {
    end_asked = number;
  }
}

}  // namespace

AgentSignals::AgentSignals() {
  sigset_t ours;
  sigemptyset(&ours);
  sigaddset(&ours, SIGCHLD);
  for (const int number : ending_signals) sigaddset(&ours, number);
  sigprocmask(SIG_BLOCK, &ours, &while_waiting_);
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigaction(SIGCHLD, &action, nullptr);
  sigdelset(&while_waiting_, SIGCHLD);
  for (const int number : ending_signals) {
    sigaction(number, &action, nullptr);
    sigdelset(&while_waiting_, number);
  }
  signal(SIGPIPE, SIG_IGN);
}

bool AgentSignals::take_child() {
  const bool ended = child_ended != 0;
  child_ended = 0;
  return ended;
}

int AgentSignals::take_end() {
  const int number = end_asked;
  end_asked = 0;
  return number;
}

}  // namespace slipway::helper
