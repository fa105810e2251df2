// The life of a job over any number of processes, as a machine whose every reachable state is
// visited: a process is killed, containers die and the coordinator goes away between any two steps.

#include <gtest/gtest.h>

#include <compare>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "runner/journal_entry.hpp"

namespace slipway::runner {
namespace {

using namespace std::chrono_literals;

enum class Result { none, success, failure };

/// What is on the disk: the parts of a JournalEntry that decide.
struct Disk {
  bool journal = false;
  Phase phase = Phase::taken;
  StopReason stop = StopReason::none;
  Result result = Result::none;
  bool delivered = false;
  bool cleaned = false;
  auto operator<=>(const Disk&) const = default;

  JournalEntry entry() const {
    JournalEntry entry;
    entry.phase = phase;
    entry.stop_reason = stop;
    entry.delivered = delivered;
    entry.cleaned = cleaned;
    return entry;
  }
};

/// One moment of everything that matters to one job.
struct World {
  bool taken = false;  ///< the coordinator has given it to us
  Disk disk;
  bool alive = false;    ///< a process has the job
  Disk memory;           ///< what that process knows; beyond the disk only until it saves
  bool objects = false;  ///< of the job, on the Engine
  bool running = false;  ///< its containers
  int scripts = 0;       ///< how often the user's script was begun
  bool script_ended = false;
  Result told = Result::none;  ///< what the coordinator has
  bool late = false;           ///< the job's timeout is over
  auto operator<=>(const World&) const = default;
};

using Next = std::function<void(World)>;

/// What a process does next, as JobRun and Service do it: each call of `next` is one way on.
void process_steps(const World& world, const Next& next) {
  const auto step = [&](auto change) {
    auto changed = world;
    change(changed);
    next(changed);
  };
  const auto save = [](World& w) { w.disk = w.memory; };
  if (world.memory != world.disk) {
    step(save);
    return;
  }
  const auto conclude = [&](Result result) {
    step([&](World& w) {
      w.memory.phase = Phase::ended;
      w.memory.result = result;
    });
  };
  switch (world.memory.phase) {
    case Phase::taken:
      step([](World& w) { w.memory.phase = Phase::preparing; });
      break;
    case Phase::preparing:
      if (!world.objects)
        step([](World& w) { w.objects = w.running = true; });
      else
        step([](World& w) { w.memory.phase = Phase::staged; });
      break;
    case Phase::staged:
      if (!world.running)
        conclude(Result::failure);
      else if (world.scripts == 0)
        step([](World& w) { ++w.scripts; });
      else if (world.script_ended)
        conclude(Result::success);
      // A cancellation, and the timeout.
      if (world.memory.stop == StopReason::none)
        step([](World& w) { w.memory.stop = StopReason::canceled; });
      else
        conclude(Result::failure);
      if (world.late) conclude(Result::failure);
      break;
    case Phase::ended:
      if (is_over(world.memory.entry())) {
        step([](World& w) { w.disk = w.memory = Disk{}, w.alive = false; });
        break;
      }
      // Both at once, in any order.
      if (!world.memory.delivered) {
        if (world.told == Result::none)
          step([](World& w) { w.told = w.memory.result; });
        else
          step([](World& w) { w.memory.delivered = true; });
      }
      if (!world.memory.cleaned) {
        if (world.objects)
          step([](World& w) { w.objects = w.running = false; });
        else
          step([](World& w) { w.memory.cleaned = true; });
      }
      break;
  }
}

/// A process starts and finds the journal.
void start(const World& world, const Next& next) {
  auto w = world;
  w.alive = true;
  w.memory = w.disk;
  const auto plan = plan_recovery(w.disk.entry(), w.late ? 2h : 1min, 1h, true);
  switch (plan.way) {
    case Recovery::Way::deliver:
    case Recovery::Way::adopt:
      break;
    case Recovery::Way::restart:
      // Its objects are nobody's until it begins anew.
      w.objects = w.running = false;
      break;
    case Recovery::Way::finish:
      w.memory.phase = Phase::ended;
      w.memory.result = Result::failure;
      break;
  }
  next(w);
}

void all_steps(const World& world, const Next& next) {
  if (!world.taken) {
    auto w = world;
    w.taken = true;
    w.alive = true;
    w.memory.journal = true;
    next(w);
    return;
  }
  if (world.alive) {
    process_steps(world, next);
    auto killed = world;  // at every point, as often as you like
    killed.alive = false;
    killed.memory = Disk{};
    next(killed);
  } else if (world.disk.journal) {
    start(world, next);
  }
  if (world.running) {
    auto gone = world;
    gone.running = false;
    next(gone);
    if (world.scripts > 0 && !world.script_ended) {
      auto ended = world;
      ended.script_ended = true;
      next(ended);
    }
  }
  if (!world.late) {
    auto late = world;
    late.late = true;
    next(late);
  }
}

/// Every state that can be reached, and the states from which it is.
std::map<World, std::vector<World>> explore() {
  std::map<World, std::vector<World>> before;
  std::vector<World> open{World{}};
  before[World{}];
  while (!open.empty()) {
    const auto world = open.back();
    open.pop_back();
    all_steps(world, [&](const World& next) {
      const auto [found, is_new] = before.try_emplace(next);
      found->second.push_back(world);
      if (is_new) open.push_back(next);
    });
  }
  return before;
}

/// Killed before its header was on the disk: the coordinator knows of no start, and ends it.
bool never_begun(const World& world) {
  return world.taken && !world.alive && !world.disk.journal && world.told == Result::none;
}

bool is_done(const World& world) {
  return world.taken && !world.alive && !world.disk.journal && world.told != Result::none;
}

TEST(Recovery, EveryInterleavingKeepsItsPromises) {
  const auto states = explore();
  EXPECT_GT(states.size(), 200u);
  for (const auto& [world, from] : states) {
    // What is on the Engine belongs to a journal, always: a kill leaves nothing that nobody knows.
    EXPECT_TRUE(!world.objects || world.disk.journal);
    EXPECT_LE(world.scripts, 1) << "the user's script ran twice";
    // One end: what the coordinator was told is what the journal says, whoever told it.
    if (world.told != Result::none && world.disk.journal) {
      EXPECT_EQ(world.told, world.disk.result);
    }
    if (world.told == Result::success) {
      EXPECT_TRUE(world.script_ended);
    }
    if (never_begun(world)) {
      EXPECT_EQ(world.scripts, 0);
    }
    if (is_done(world)) {
      EXPECT_FALSE(world.objects);
    }
  }
}

TEST(Recovery, FromEveryStateTheJobCanStillEnd) {
  const auto states = explore();
  std::map<World, bool> reaches;
  std::vector<World> open;
  for (const auto& [world, from] : states)
    if (is_done(world) || never_begun(world)) open.push_back(world);
  ASSERT_FALSE(open.empty());
  while (!open.empty()) {
    const auto world = open.back();
    open.pop_back();
    if (!reaches.emplace(world, true).second) continue;
    for (const auto& earlier : states.at(world)) open.push_back(earlier);
  }
  EXPECT_EQ(reaches.size(), states.size()) << "states in which a job is stuck";
}

TEST(Recovery, ATableOfPlans) {
  struct Case {
    Phase phase;
    StopReason stop;
    std::chrono::milliseconds age;
    bool can_adopt;
    Recovery::Way way;
    StopReason reason;
  };
  using Way = Recovery::Way;
  const Case cases[] = {
      {Phase::taken, StopReason::none, 1s, true, Way::restart, StopReason::none},
      {Phase::preparing, StopReason::none, 1s, true, Way::restart, StopReason::none},
      {Phase::staged, StopReason::none, 1s, true, Way::adopt, StopReason::none},
      {Phase::staged, StopReason::none, 1h, true, Way::finish, StopReason::timed_out},
      {Phase::staged, StopReason::canceled, 1s, true, Way::finish, StopReason::canceled},
      {Phase::preparing, StopReason::interrupted, 1s, true, Way::finish, StopReason::interrupted},
      {Phase::staged, StopReason::none, 1s, false, Way::finish, StopReason::broken},
      // An end that was reached stays what it was.
      {Phase::ended, StopReason::none, 2h, false, Way::deliver, StopReason::none},
      {Phase::ended, StopReason::canceled, 1s, true, Way::deliver, StopReason::none},
  };
  for (const auto& test : cases) {
    JournalEntry entry;
    entry.phase = test.phase;
    entry.stop_reason = test.stop;
    const auto plan = plan_recovery(entry, test.age, 1h, test.can_adopt);
    EXPECT_EQ(plan.way, test.way) << to_string(test.phase);
    EXPECT_EQ(plan.reason, test.reason) << to_string(test.phase);
    EXPECT_EQ(plan.text.empty(), plan.reason == StopReason::none || test.stop != StopReason::none);
  }
}

}  // namespace
}  // namespace slipway::runner
