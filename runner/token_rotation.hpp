#pragma once

#include <chrono>
#include <functional>
#include <list>
#include <optional>
#include <string>
#include <vector>

#include "config/edit.hpp"
#include "gitlab_api/retry.hpp"
#include "util/asio_fwd.hpp"

namespace slipway::runner {

class Poller;

/// The moment at which a token has lived three quarters of its life; nullopt: it does not expire.
/// One whose beginning is not known is due at once. Times are RFC 3339.
std::optional<std::chrono::system_clock::time_point> rotation_due(const std::string& obtained_at,
                                                                  const std::string& expires_at);

/// `2026-01-02T03:04:05Z`.
std::string time_text(std::chrono::system_clock::time_point time);

/// Replaces the tokens of the runners before they expire, the earliest first. A refusal leaves the
/// old one in force; it is tried again. A token that was obtained is used at once, and stored as
/// soon as that can be done. GitLab API: POST /runners/reset_authentication_token.
class TokenRotation {
 public:
  /// Writes the change where the next process finds it. Throws when that is not possible.
  using Store = std::function<void(const config::Runner& before, const config::TokenChange&)>;

  /// `pollers` must outlive it. Of `clock`, sleep and now are used.
  TokenRotation(std::list<Poller>& pollers, Store store, gitlab_api::RetryClock clock);

  /// Whether there is anything to do; to be called again, while run() is not running, when there
  /// are other pollers. Warns of runners that forbid it (FF_DISABLE_AUTOMATIC_TOKEN_ROTATION).
  bool needed();
  /// A token that is in use but could not be stored yet, and what its runner was before.
  using Unstored = std::pair<config::Runner, config::TokenChange>;
  std::vector<Unstored> unstored() const;
  /// Until cancelled; a call under way is brought to its end, within a minute. Looks at the wall
  /// clock every minute, whatever happens to it meanwhile.
  asio::awaitable<void> run();

 private:
  using Time = std::chrono::system_clock::time_point;
  struct Subject {
    Poller* poller = nullptr;
    Time due;
    std::optional<Time> expires;
    std::chrono::seconds retry{0};  ///< the last pause after a failure
    std::optional<Unstored> unstored;
  };

  asio::awaitable<void> rotate(Subject& subject);
  void store(Subject& subject);
  void set_due(Subject& subject);
  void try_later(Subject& subject);

  std::list<Poller>& pollers_;
  Store store_;
  gitlab_api::RetryClock clock_;
  std::vector<Subject> subjects_;
};

}  // namespace slipway::runner
