#include "executors/docker/shared_pulls.hpp"

#include <boost/system/system_error.hpp>

namespace slipway::executors::docker {

/// Keeps the entry of a key while somebody uses it.
class SharedPulls::User {
 public:
  User(SharedPulls& all, const std::string& key)
      : all_{all}, place_{all.pulls_.try_emplace(key, all.executor_).first} {
    ++place_->second.users;
  }
  User(const User&) = delete;
  ~User() {
    if (--place_->second.users == 0) all_.pulls_.erase(place_);
  }
  Pull& pull() { return place_->second; }

 private:
  SharedPulls& all_;
  std::map<std::string, Pull>::iterator place_;
};

asio::awaitable<void> SharedPulls::run(std::string key, bool any,
                                       std::function<asio::awaitable<void>()> work) {
  User user{*this, key};
  auto& pull = user.pull();
  const auto too_old = any && pull.running ? pull.begun - 1 : pull.begun;
  while (pull.ended <= too_old) {
    if (pull.running)
      co_await pull.changed.wait();
    else
      co_await lead(pull, work);
  }
  if (pull.failure) std::rethrow_exception(pull.failure);
}

asio::awaitable<void> SharedPulls::lead(Pull& pull,
                                        const std::function<asio::awaitable<void>()>& work) {
  struct Running {
    explicit Running(Pull& p) : pull{p} { pull.running = true; }
    Running(const Running&) = delete;
    ~Running() {
      pull.running = false;
      pull.changed.notify_all();
    }
    Pull& pull;
  };
  const auto number = ++pull.begun;
  const Running running{pull};
  std::exception_ptr failure;
  try {
    auto doing = work();
    co_await std::move(doing);
  } catch (const boost::system::system_error&) {
    throw;  // cancelled: says nothing about the pull
  } catch (...) {
    failure = std::current_exception();
  }
  pull.ended = number;
  pull.failure = failure;
}

}  // namespace slipway::executors::docker
