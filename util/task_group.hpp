#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <cstddef>
#include <exception>
#include <list>
#include <vector>

#include "util/asio_fwd.hpp"
#include "util/event.hpp"

namespace slipway::util {

/// Tasks that run side by side and whose owner waits for all of them: start(), then join().
/// Await join() before the group is destroyed; a destroyed group with running tasks terminates the
/// process, since nobody could learn how they ended. (Only when its io_context is destroyed do both
/// simply go.)
class TaskGroup {
 public:
  explicit TaskGroup(asio::any_io_executor executor);
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;
  ~TaskGroup();

  /// Starts `task` at once. What it refers to must outlive join(). After cancel() the task is
  /// cancelled at its first wait.
  void start(asio::awaitable<void> task);
  /// Asks every running task to end (terminal cancellation), and those that start before join() has
  /// returned.
  void cancel();
  std::size_t running() const { return running_.size(); }
  /// Waits until no task runs, then throws the first failure, in order of completion. A task that
  /// ends with operation_aborted after cancel() is no failure. Cancellation: cancels every task,
  /// and still waits for them all.
  asio::awaitable<void> join();

 private:
  struct Task {
    asio::cancellation_signal signal;
  };
  void finished(std::list<Task>::iterator task, const std::exception_ptr& failure);

  class ContextEnd;

  asio::any_io_executor executor_;
  Event idle_;
  // After idle_: services are shut down last to first, and the timers' must not come before this
  // one.
  ContextEnd& context_end_;
  std::list<Task> running_;
  std::exception_ptr first_failure_;
  bool cancelled_ = false;
};

/// Runs all to their end, then throws the first failure. Unlike a group of one's own this is safe
/// where a cancellation may be waiting already: then nothing is started. Cancellation: as
/// TaskGroup::join().
asio::awaitable<void> run_all(std::vector<asio::awaitable<void>> tasks);

}  // namespace slipway::util
