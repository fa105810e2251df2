#include <gtest/gtest.h>

#include <random>

#include "support.hpp"

namespace slipway::agent {
namespace {

constexpr std::uint32_t stages = 6;

/// What a daemon has of its job: what it would have on disk if it stored it now.
struct Job {
  Continuation at;
  std::uint32_t stage = 0;  ///< begun last
  std::uint64_t commands_before = 0;
  std::map<std::uint32_t, std::string[2]> log;
  std::map<std::uint32_t, int> exits;

  bool under_way() const { return stage > 0 && !exits.contains(stage); }
  bool done() const { return exits.size() == stages; }
};

/// An agent that outlives its daemons: each is thrown away at any moment, between any two bytes of
/// its connection, and the next one knows what the last checkpoint said.
class Restarts {
 public:
  explicit Restarts(unsigned seed)
      : random_{seed}, agent_{&spill_, {.memory = 64 << 10, .spill = 256 << 10}} {}

  void run() {
    while (!job_.done()) {
      ASSERT_LT(++steps_, 200000) << "no end";
      step();
    }
  }

  std::map<std::uint32_t, std::string[2]> want;
  std::map<std::uint32_t, int> started;
  std::map<std::uint32_t, std::string> bodies;
  int crashes = 0, cuts = 0, unexpected = 0;
  std::uint64_t lost = 0;
  const Job& job() const { return job_; }

 private:
  unsigned below(unsigned limit) { return random_() % limit; }

  void step() {
    agent_.pass(std::chrono::milliseconds{below(8)});
    switch (below(10)) {
      case 0:
        produce();
        break;
      case 1:
        command();
        break;
      case 2:
        store();
        if (below(2) == 0) send(daemon_->ack(daemon_->next_offset()));
        break;
      case 3:
        if (below(12) == 0) crash();
        break;
      case 4:
        if (below(12) == 0) cut();
        break;
      default:
        break;
    }
    to_daemon_ += agent_.written();
    deliver_to_agent(below(6000));
    deliver_to_daemon(below(10000));
  }

  void store() {
    job_.at = {daemon_->next_offset(), daemon_->exits_taken(), daemon_->commands_sent(), 1};
    stored_ = job_;
  }

  Stage stage(std::uint32_t id) const {
    return {.id = id, .name = "step_script", .body = std::string(id * 2500, static_cast<char>(id))};
  }

  void command() {
    if (!greeted_ || resuming_) return;
    if (job_.under_way()) {
      if (below(4) == 0) send(daemon_->signal(job_.stage, Signal::terminate));
      return;
    }
    if (job_.stage == stages) return;
    ++job_.stage;
    job_.commands_before = daemon_->commands_sent();
    store();
    send(daemon_->run(stage(job_.stage)));
  }

  void send(const std::string& bytes) { to_agent_ += bytes; }

  void produce() {
    if (running_ == 0) return;
    const auto stream = below(3) == 0 ? Stream::err : Stream::out;
    std::string bytes;
    const auto size = std::min<std::size_t>(agent_.end.room(), below(below(4) ? 50 : 9000));
    while (bytes.size() < size) bytes += static_cast<char>(random_());
    agent_.end.output(running_, stream, bytes, agent_.now);
    want[running_][stream == Stream::out ? 0 : 1] += bytes;
    if (below(30) != 0) return;
    agent_.end.exited({.stage = running_, .code = static_cast<int>(running_)});
    running_ = 0;
  }

  // What was on its way arrives in part; the new connection begins in the middle of something.
  void disconnect() {
    deliver_to_agent(below(static_cast<unsigned>(to_agent_.size()) + 1));
    if (below(2) == 0) deliver_to_daemon(below(static_cast<unsigned>(to_daemon_.size()) + 1));
    to_agent_.clear();
    if (below(2) == 0) to_daemon_.erase(0, below(static_cast<unsigned>(to_daemon_.size()) + 1));
    if (below(2) == 0) to_daemon_.clear();
  }

  void cut() {
    if (!greeted_) return;
    ++cuts;
    disconnect();
    send(daemon_->resume());
  }

  void crash() {
    if (!greeted_) return;
    ++crashes;
    disconnect();
    job_ = stored_;
    daemon_.emplace(test_mark, job_.at);
    resuming_ = true;
    send(daemon_->resume());
  }

  void deliver_to_agent(std::size_t size) {
    size = std::min(size, to_agent_.size());
    agent_.end.receive(std::string_view{to_agent_}.substr(0, size), agent_.now);
    to_agent_.erase(0, size);
    for (auto& command : agent_.commands()) {
      auto* run = std::get_if<RunStage>(&command);
      if (!run) continue;
      running_ = run->stage.id;
      ++started[running_];
      bodies[running_] = run->stage.body;
    }
  }

  void deliver_to_daemon(std::size_t size) {
    size = std::min(size, to_daemon_.size());
    daemon_->receive(Stream::out, std::string_view{to_daemon_}.substr(0, size));
    to_daemon_.erase(0, size);
    while (auto event = daemon_->next()) take(*event);
    if (daemon_->needs_resume()) send(daemon_->resume());
  }

  void take(const Event& event) {
    if (const auto* output = std::get_if<Output>(&event)) {
      job_.log[output->stage][output->stream == Stream::out ? 0 : 1] += output->bytes;
    } else if (const auto* exit = std::get_if<Exit>(&event)) {
      if (!job_.exits.try_emplace(exit->stage, exit->code).second) ++unexpected;
    } else if (std::holds_alternative<Hello>(event)) {
      greeted_ = true;
      store();
    } else if (const auto* resumed = std::get_if<Resumed>(&event)) {
      lost += resumed->lost + resumed->lost_exits;
      if (!std::exchange(resuming_, false)) return;
      if (job_.under_way()) send(daemon_->continue_run(stage(job_.stage), job_.commands_before));
    } else if (!std::holds_alternative<Raw>(event)) {
      ++unexpected;
    }
  }

  std::mt19937 random_;
  MemorySpill spill_;
  TestAgent agent_;
  std::optional<DaemonEnd> daemon_{std::in_place, test_mark};
  Job job_, stored_;
  std::string to_agent_, to_daemon_;
  std::uint32_t running_ = 0;
  bool greeted_ = false;
  bool resuming_ = false;
  int steps_ = 0;
};

TEST(Restarts, EveryByteAndEveryEndComesOnceWhereverTheDaemonDies) {
  int crashes = 0;
  int cuts = 0;
  std::size_t bytes = 0;
  for (unsigned seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    Restarts restarts{seed};
    restarts.run();
    ASSERT_FALSE(testing::Test::HasFatalFailure());
    for (std::uint32_t stage = 1; stage <= stages; ++stage) {
      ASSERT_EQ(restarts.started[stage], 1);
      ASSERT_TRUE(restarts.bodies[stage] == std::string(stage * 2500, static_cast<char>(stage)));
      ASSERT_EQ(restarts.job().exits.at(stage), static_cast<int>(stage));
      for (const auto stream : {0, 1}) {
        const auto log = restarts.job().log.find(stage);
        const auto got = log == restarts.job().log.end() ? "" : log->second[stream];
        ASSERT_TRUE(got == restarts.want[stage][stream]);
        bytes += got.size();
      }
    }
    EXPECT_EQ(restarts.unexpected, 0);
    EXPECT_EQ(restarts.lost, 0u);
    crashes += restarts.crashes;
    cuts += restarts.cuts;
  }
  EXPECT_GT(crashes, 500);
  EXPECT_GT(cuts, 500);
  EXPECT_GT(bytes, 2u << 20);
}

}  // namespace
}  // namespace slipway::agent
