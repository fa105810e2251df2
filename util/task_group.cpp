#include "util/task_group.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/execution/context.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>
#include <utility>

namespace slipway::util {

namespace {
bool is_abort(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const boost::system::system_error& error) {
    return error.code() == asio::error::operation_aborted;
  } catch (...) {
    return false;
  }
}
}  // namespace

/// Knows whether the io_context is being destroyed: then waiting coroutines are, in any order, and
/// no task runs again.
class TaskGroup::ContextEnd : public asio::execution_context::service {
 public:
  inline static asio::execution_context::id id;

  explicit ContextEnd(asio::execution_context& context) : service{context} {}
  bool reached() const { return reached_; }

 private:
  void shutdown() override { reached_ = true; }
  bool reached_ = false;
};

TaskGroup::TaskGroup(asio::any_io_executor executor)
    : executor_{executor},
      idle_{executor},
      context_end_{
          asio::use_service<ContextEnd>(asio::query(executor, asio::execution::context_t{}))} {
  idle_.set();
}

TaskGroup::~TaskGroup() {
  if (!running_.empty() && !context_end_.reached()) std::terminate();
}

void TaskGroup::start(asio::awaitable<void> task) {
  const auto entry = running_.emplace(running_.end());
  idle_.reset();
  asio::co_spawn(
      executor_, std::move(task),
      asio::bind_cancellation_slot(entry->signal.slot(), [this, entry](std::exception_ptr failure) {
        finished(entry, failure);
      }));
  if (cancelled_) entry->signal.emit(asio::cancellation_type::terminal);
}

void TaskGroup::finished(std::list<Task>::iterator task, const std::exception_ptr& failure) {
  if (failure && !first_failure_ && !(cancelled_ && is_abort(failure))) first_failure_ = failure;
  running_.erase(task);
  if (running_.empty()) idle_.set();
}

void TaskGroup::cancel() {
  cancelled_ = true;
  // emit() may end a task at once, which erases it: step on before.
  for (auto task = running_.begin(); task != running_.end();) {
    auto& signal = (task++)->signal;
    signal.emit(asio::cancellation_type::terminal);
  }
}

asio::awaitable<void> TaskGroup::join() {
  std::exception_ptr aborted;
  try {
    co_await idle_.wait();
  } catch (const boost::system::system_error&) {
    aborted = std::current_exception();
  }
  if (aborted) {
    cancel();
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    co_await idle_.wait();
    // The caller goes on as it was, for what it has to clean up; the abort is told below.
    co_await asio::this_coro::reset_cancellation_state(asio::enable_terminal_cancellation());
  }
  cancelled_ = false;
  if (const auto failure = std::exchange(first_failure_, nullptr)) std::rethrow_exception(failure);
  if (aborted) std::rethrow_exception(aborted);
}

asio::awaitable<void> run_all(std::vector<asio::awaitable<void>> tasks) {
  TaskGroup group{co_await asio::this_coro::executor};
  for (auto& task : tasks) group.start(std::move(task));
  co_await group.join();
}

}  // namespace slipway::util
