#pragma once

#include <memory>
#include <string_view>

#include "cmd/slipway/exec_options.hpp"
#include "local/exec/live_view.hpp"
#include "local/exec/observer.hpp"
#include "util/asio_fwd.hpp"

namespace slipway::cmd {

/// Standard output while a pipeline runs: a live view on a terminal, lines elsewhere.
class ExecScreen {
 public:
  explicit ExecScreen(const ExecOptions& options);

  local::exec::RunObserver& observer();
  bool colours() const { return colours_; }
  /// Draws the live view again and again. Runs until it is cancelled.
  asio::awaitable<void> keep_drawn();
  void close();

 private:
  bool colours_;
  std::unique_ptr<local::exec::LiveView> live_;  ///< or
  std::unique_ptr<local::exec::RunObserver> lines_;
};

}  // namespace slipway::cmd
