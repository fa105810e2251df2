#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <string>

#include "util/asio_fwd.hpp"
#include "util/condition.hpp"

namespace slipway::executors::docker {

/// Pulls that are alike, done once for all who ask while one is under way. Whoever asks later than
/// a pull began may want what was pushed meanwhile: then all these share the next one, which the
/// Engine answers without a download if nothing has changed. Must outlive its calls.
class SharedPulls {
 public:
  explicit SharedPulls(asio::any_io_executor executor) : executor_{std::move(executor)} {}

  /// Returns when a pull under `key` has ended well that began after this call; with `any`, one
  /// that was under way is as good. `pull` is called unless somebody else's is. \throws what the
  /// pull threw. Cancellation: any kind; ends one's own pull, which one of the others does again.
  asio::awaitable<void> run(std::string key, bool any, std::function<asio::awaitable<void>()> pull);
  /// Keys somebody waits for.
  std::size_t size() const { return pulls_.size(); }

 private:
  struct Pull {
    explicit Pull(const asio::any_io_executor& executor) : changed{executor} {}
    std::uint64_t begun = 0;
    std::uint64_t ended = 0;  ///< number of the last that was not cancelled
    bool running = false;
    int users = 0;
    std::exception_ptr failure;  ///< of `ended`
    util::Condition changed;
  };
  class User;
  static asio::awaitable<void> lead(Pull& pull, const std::function<asio::awaitable<void>()>& work);

  asio::any_io_executor executor_;
  std::map<std::string, Pull> pulls_;
};

}  // namespace slipway::executors::docker
