#pragma once

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>
#include <cstddef>
#include <deque>
#include <functional>
#include <future>
#include <utility>

namespace slipway::helper::archive {

/// Work for a few threads whose results are wanted in the order in which it was given, with a bound
/// on how much is under way and so on the memory it holds. Used in the process of a stage; never in
/// the agent itself, which has no threads.
template <class Result>
class OrderedWork {
 public:
  OrderedWork(unsigned threads, std::size_t window) : pool_{threads}, window_{window} {}
  OrderedWork(const OrderedWork&) = delete;
  /// Waits for what runs, drops what has not begun.
  ~OrderedWork() {
    pool_.stop();
    pool_.join();
  }

  /// Runs `work` on some thread and, later, `done` with its result on the caller's: in this or a
  /// following call of push() or finish(), which throws what either throws. Nothing may be pushed
  /// after that.
  void push(std::function<Result()> work, std::function<void(Result)> done) {
    if (queue_.size() >= window_) take();
    queue_.push_back(
        {boost::asio::post(pool_, boost::asio::use_future(std::move(work))), std::move(done)});
  }
  /// Waits for everything.
  void finish() {
    while (!queue_.empty()) take();
  }

 private:
  struct Item {
    std::future<Result> result;
    std::function<void(Result)> done;
  };

  void take() {
    auto item = std::move(queue_.front());
    queue_.pop_front();
    item.done(item.result.get());
  }

  boost::asio::thread_pool pool_;
  std::size_t window_;
  std::deque<Item> queue_;
};

}  // namespace slipway::helper::archive
