#pragma once

#include <csignal>

namespace slipway::helper {

/// The signals that an agent acts on. They arrive only inside ppoll(), with the mask
/// `while_waiting()`; SIGPIPE is ignored. One per process.
class AgentSignals {
 public:
  AgentSignals();

  const sigset_t* while_waiting() const { return &while_waiting_; }
  /// Whether a child has ended since the last call.
  bool take_child();
  /// The number of a signal that asks the agent to end, 0 if none came since the last call.
  int take_end();

 private:
  sigset_t while_waiting_;
};

}  // namespace slipway::helper
