#include "executors/reaper.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/this_coro.hpp>
#include <set>

#include "util/async.hpp"
#include "util/condition.hpp"
#include "util/task_group.hpp"

namespace slipway::executors {

namespace {

constexpr int most_at_once = 8;
/// So many removals in a row without an answer, and it is the Engine that hangs, not an object.
constexpr int most_timeouts = 3;
constexpr std::size_t longest_error = 300;

/// Fit for a line of the log and a terminal.
std::string short_text(std::string text) {
  if (text.size() > longest_error) text = text.substr(0, longest_error) + "...";
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < ' ' || c == 127; }, ' ');
  return text;
}

asio::awaitable<void> remove(docker_api::Client& engine, Reaper::Object object) {
  switch (object.kind) {
    case Reaper::Kind::container:
      co_await engine.remove_container(object.id, true, !object.keep_anonymous_volumes);
      break;
    case Reaper::Kind::volume:
      co_await engine.remove_volume(object.id, true);
      break;
    case Reaper::Kind::network:
      co_await engine.remove_network(object.id);
      break;
  }
}

}  // namespace

std::string_view to_string(Reaper::Kind kind) {
  switch (kind) {
    case Reaper::Kind::container:
      return "container";
    case Reaper::Kind::volume:
      return "volume";
    case Reaper::Kind::network:
      return "network";
  }
  return "";
}

/// One drain's work on one Engine.
struct Reaper::Round {
  docker_api::Client& engine;
  util::Condition changed;  ///< a try has ended
  int timeouts = 0;         ///< in a row
  bool away = false;        ///< the Engine cannot be reached: another time
};

bool Reaper::adopt(docker_api::Client& engine, Kind kind, std::string id) {
  return adopt(engine, Object{kind, std::move(id), "", false});
}

bool Reaper::adopt(docker_api::Client& engine, Object object) {
  const auto known = std::any_of(objects_.begin(), objects_.end(), [&](const Entry& entry) {
    const auto& other = entry.pending.object;
    return entry.engine == &engine && other.kind == object.kind && other.id == object.id;
  });
  if (known) return false;
  Entry entry{};
  entry.engine = &engine;
  entry.pending.object = std::move(object);
  entry.not_before = settings_.now();
  objects_.push_back(std::move(entry));
  return true;
}

std::vector<Reaper::Pending> Reaper::objects() const {
  std::vector<Pending> list;
  for (const auto& entry : objects_) list.push_back(entry.pending);
  return list;
}

asio::awaitable<void> Reaper::drain(Which which) {
  const auto now = settings_.now();
  std::map<docker_api::Client*, int> due;
  for (auto& entry : objects_) {
    if (which == Which::all && !entry.trying) entry.not_before = now;
    if (!entry.trying && entry.not_before <= now) ++due[entry.engine];
  }
  if (due.empty()) co_return;
  const auto executor = co_await asio::this_coro::executor;
  std::list<Round> rounds;
  util::TaskGroup workers{executor};
  for (const auto& [engine, count] : due) {
    rounds.push_back(Round{*engine, util::Condition{executor}});
    for (int i = std::min(count, most_at_once); i > 0; --i) workers.start(work(rounds.back()));
  }
  co_await workers.join();
  summarize();
}

asio::awaitable<void> Reaper::work(Round& round) {
  while (!round.away) {
    const auto entry = next(round.engine);
    if (entry == objects_.end()) co_return;
    if (!must_wait(*entry)) {
      co_await try_once(round, entry);
      continue;
    }
    try {
      auto change = round.changed.wait();
      co_await util::with_timeout(std::move(change), settings_.patience);
    } catch (const util::TimeoutError&) {
      spdlog::debug("a removal takes long, what comes after it is tried");
    }
  }
}

/// The object of this Engine to try next: by kind, then by age.
Reaper::Entries::iterator Reaper::next(const docker_api::Client& engine) {
  const auto now = settings_.now();
  auto best = objects_.end();
  for (auto entry = objects_.begin(); entry != objects_.end(); ++entry) {
    if (entry->engine != &engine || entry->trying || entry->not_before > now) continue;
    if (best == objects_.end() || entry->pending.object.kind < best->pending.object.kind)
      best = entry;
  }
  return best;
}

/// True while something that may hold `entry` is being removed, and is not known to hang.
bool Reaper::must_wait(const Entry& entry) const {
  const auto now = settings_.now();
  return std::any_of(objects_.begin(), objects_.end(), [&](const Entry& other) {
    return other.trying && other.engine == entry.engine &&
           other.pending.object.kind < entry.pending.object.kind &&
           now - other.started < settings_.patience;
  });
}

asio::awaitable<void> Reaper::try_once(Round& round, Entries::iterator entry) {
  // Off the list only when it is gone: this may be cancelled anywhere.
  struct Try {
    Entry* entry;
    ~Try() {
      if (entry != nullptr) entry->trying = false;
    }
  } guard{&*entry};
  entry->trying = true;
  entry->started = settings_.now();
  std::string problem;
  try {
    auto removal = remove(round.engine, entry->pending.object);
    co_await util::with_timeout(std::move(removal), settings_.call_limit);
    round.timeouts = 0;
  } catch (const docker_api::EngineError& error) {
    problem = error.what();
    entry->in_use = error.conflict() || error.status() == 403;
    round.timeouts = 0;
  } catch (const net::Error& error) {
    problem = error.what();
    round.away = true;
  } catch (const util::TimeoutError& error) {
    problem = error.what();
    round.away = ++round.timeouts >= most_timeouts;
  }
  if (problem.empty()) {
    guard.entry = nullptr;
    gone(entry);
  } else {
    failed(*entry, std::move(problem));
  }
  round.changed.notify_all();
}

void Reaper::gone(Entries::iterator entry) {
  const auto& pending = entry->pending;
  ++removed_;
  if (pending.tries > 0)
    spdlog::info("removed after all kind={} object={} tries={}", to_string(pending.object.kind),
                 pending.object.id, pending.tries + 1);
  // What it held is free now.
  for (auto& other : objects_)
    if (other.in_use && other.engine == entry->engine &&
        other.pending.object.kind > pending.object.kind) {
      other.in_use = false;
      other.not_before = settings_.now();
    }
  objects_.erase(entry);
}

void Reaper::failed(Entry& entry, std::string problem) {
  auto& pending = entry.pending;
  ++failures_;
  ++pending.tries;
  const auto doublings = std::min(pending.tries - 1, 10);
  entry.not_before =
      settings_.now() + std::min(settings_.first_pause * (1 << doublings), settings_.last_pause);
  problem = short_text(std::move(problem));
  // Every try would fill the log with the same line.
  if (problem != pending.last_error)
    spdlog::warn("removal failed, will be tried again: {} kind={} object={} tries={}", problem,
                 to_string(pending.object.kind), pending.object.id, pending.tries);
  pending.last_error = std::move(problem);
}

void Reaper::summarize() {
  const auto now = settings_.now();
  const auto stuck = std::count_if(objects_.begin(), objects_.end(),
                                   [](const Entry& entry) { return entry.pending.tries > 1; });
  if (stuck == 0 || (summarized_ != Time{} && now - summarized_ < settings_.summary_interval))
    return;
  summarized_ = now;
  spdlog::warn("objects of finished jobs are still to be removed objects={} failed-removals={}",
               stuck, failures_);
}

}  // namespace slipway::executors
