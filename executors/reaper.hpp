#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <string>
#include <vector>

#include "docker_api/client.hpp"
#include "util/asio_fwd.hpp"

namespace slipway::executors {

/// What could not be removed at a job's end, and what a sweep found: tried again until it is gone.
/// Containers go before volumes before networks; an object that cannot be removed is tried again
/// after 30 s, then 1, 2, 4 and every 5 minutes, for ever. Drained by runner, on one thread. Must
/// outlive the executors; the engines must outlive it.
class Reaper {
 public:
  enum class Kind { container, volume, network };
  using Time = std::chrono::steady_clock::time_point;

  /// One thing to remove.
  struct Object {
    Kind kind = Kind::container;
    std::string id;                       ///< or name
    std::string job;                      ///< key of the job it belonged to, "" = not known
    bool keep_anonymous_volumes = false;  ///< of a container; else they go with it
  };
  /// One that is still there.
  struct Pending {
    Object object;
    int tries = 0;           ///< failed removals by the Reaper, since the adoption
    std::string last_error;  ///< the Engine's words, cut; "" before the first try
  };
  struct Settings {
    /// Of one removal. An Engine that does not answer several of them is left alone until the next
    /// drain.
    std::chrono::milliseconds call_limit{60'000};
    /// How long volumes wait for the containers whose removal is under way, networks for both.
    std::chrono::milliseconds patience{10'000};
    std::chrono::seconds first_pause{30};
    std::chrono::seconds last_pause{300};
    std::chrono::seconds summary_interval{300};
    std::function<Time()> now = std::chrono::steady_clock::now;
  };
  enum class Which { due, all };

  Reaper() : Reaper{Settings{}} {}
  explicit Reaper(Settings settings) : settings_{std::move(settings)} {}
  Reaper(const Reaper&) = delete;

  /// Takes over an object; it is due at once. One that it has already stays as it is: false.
  bool adopt(docker_api::Client& engine, Kind kind, std::string id);
  bool adopt(docker_api::Client& engine, Object object);

  /// Tries once what is due (or all there is), at most 8 at a time per Engine; returns when nothing
  /// more is. "No such object" is success. What fails stays. Takes about `call_limit` at most when
  /// an Engine hangs. Throws nothing but for cancellation (any kind), which loses no object.
  asio::awaitable<void> drain(Which which = Which::due);

  std::size_t pending() const { return objects_.size(); }
  std::vector<Pending> objects() const;
  /// Removals that failed so far, and those that the Reaper brought to their end: for metrics.
  std::uint64_t failures() const { return failures_; }
  std::uint64_t removed() const { return removed_; }

 private:
  struct Entry {
    docker_api::Client* engine;
    Pending pending;
    Time not_before;
    Time started;  ///< of the try under way
    bool trying = false;
    bool in_use = false;  ///< the last try failed for somebody who uses it
  };
  using Entries = std::list<Entry>;
  struct Round;

  asio::awaitable<void> work(Round& round);
  asio::awaitable<void> try_once(Round& round, Entries::iterator entry);
  Entries::iterator next(const docker_api::Client& engine);
  bool must_wait(const Entry& entry) const;
  void gone(Entries::iterator entry);
  void failed(Entry& entry, std::string problem);
  void summarize();

  Settings settings_;
  Entries objects_;
  std::uint64_t failures_ = 0;
  std::uint64_t removed_ = 0;
  Time summarized_{};
};

/// `container`, `volume` or `network`.
std::string_view to_string(Reaper::Kind kind);

}  // namespace slipway::executors
