#include "runner/token_rotation.hpp"

#include <cmath>
#include <fstream>
#include <list>
#include <nlohmann/json.hpp>
#include <sstream>

#include "local/payload.hpp"
#include "log_capture.hpp"
#include "runner/poller.hpp"
#include "service_fixture.hpp"

namespace slipway::runner {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Time = std::chrono::system_clock::time_point;

const Time start{std::chrono::sys_days{std::chrono::year{2026} / 1 / 2}};

TEST(RotationDue, IsAtThreeQuartersOfALife) {
  const struct {
    const char* obtained;
    const char* expires;
    std::optional<Time> due;
  } cases[] = {
      {"2026-01-02T00:00:00Z", "2026-01-02T00:01:40Z", start + 75s},
      {"2026-01-02T02:00:00+02:00", "2026-01-01T22:01:40.123456-02:00", start + 75s},
      {"2026-01-02T00:00:00Z", "", std::nullopt},
      {"2026-01-02T00:00:00Z", "tomorrow", std::nullopt},
      {"2026-01-02T00:00:00Z", "2026-13-02T00:00:00Z", std::nullopt},
      {"", "2026-01-02T00:01:40Z", Time{}},
      {"2026-01-03T00:00:00Z", "2026-01-02T00:00:00Z", Time{}},
  };
  for (const auto& c : cases)
    EXPECT_EQ(rotation_due(c.obtained, c.expires), c.due) << c.obtained << " " << c.expires;
  EXPECT_EQ(time_text(start + 75s), "2026-01-02T00:01:15Z");
}

/// Runners of a coordinator whose tokens expire, and a clock that a sleep moves on.
class Rotation : public ServiceTest {
 public:
  struct Stored {
    std::string before;
    config::TokenChange change;
  };
  struct Reset {
    double after = 0;  ///< seconds from the start
    std::string token;
  };

  Poller& runner(std::chrono::seconds life, std::map<std::string, bool> flags = {}) {
    add_runner();
    auto runner = options.config.runners.back();
    runner.token_obtained_at = time_text(start);
    if (life > 0s) runner.token_expires_at = time_text(start + life);
    runner.feature_flags = std::move(flags);
    if (!service_for_pollers_) {
      ServiceOptions service;
      service.state_dir = dir.path() / "pollers";
      service.helper_binary = "/bin/true";
      service_for_pollers_ = std::make_unique<Service>(io.get_executor(), std::move(service));
    }
    auto client_options = client().options();
    client_options.token = runner.token;
    pollers.emplace_back(io.get_executor(), *service_for_pollers_, runner, client_options, 3s);
    return pollers.back();
  }
  /// Runs the rotation until the clock shows `seconds` since the start.
  asio::awaitable<void> rotate_for(std::chrono::seconds span) {
    end_ = start + span;
    over_.reset();
    auto rotation = make();
    if (!rotation.needed()) co_return;
    auto running = rotation.run();
    auto ended = over_.wait();
    co_await util::first_of(std::move(running), std::move(ended));
  }
  TokenRotation make() {
    gitlab_api::RetryClock clock = gitlab_api::RetryClock::system();
    clock.now = [this] { return now; };
    clock.sleep = [this](std::chrono::milliseconds pause) { return advance(pause); };
    const auto store = [this](const config::Runner& before, const config::TokenChange& change) {
      if (--failing_stores >= 0) throw std::runtime_error{"disk full"};
      stored.push_back({before.token.reveal(), change});
    };
    return TokenRotation{pollers, store, clock};
  }
  /// Every reset from now on is answered with a token that lives so long.
  void give_tokens(std::chrono::seconds life) {
    gitlab.faults().set_hook(
        Endpoint::reset_token,
        [this, life](const net::Request& head,
                     std::string_view body) -> std::optional<local::Answer> {
          const auto json = nlohmann::json::parse(body);
          resets.push_back({std::chrono::duration<double>(now - start).count(), json.at("token")});
          EXPECT_FALSE(head.headers.find("RUNNER-TOKEN")) << "in the body only";
          EXPECT_EQ(json.size(), 1u);
          const auto fresh = "glrt-fresh-" + std::to_string(resets.size()) + "-0123456789";
          const nlohmann::json answer{{"token", fresh},
                                      {"token_expires_at", time_text(now + life)}};
          return local::Answer{.status = 201, .body = answer.dump()};
        });
  }

  std::list<Poller> pollers;
  std::vector<Stored> stored;
  std::vector<Reset> resets;
  int failing_stores = 0;
  Time now = start;

 private:
  asio::awaitable<void> advance(std::chrono::milliseconds pause) {
    EXPECT_LE(pause, 60s) << "a clock that is set anew must be noticed";
    now += pause;
    if (now >= end_) over_.set();
    co_await util::sleep_for(0ms);
  }

  Time end_;
  util::Event over_{io.get_executor()};
  std::unique_ptr<Service> service_for_pollers_;
};

TEST_F(Rotation, Edge12ATokenIsReplacedBeforeItExpires) {
  const auto test = [](Rotation& f) -> asio::awaitable<void> {
    auto& poller = f.runner(100s);
    const auto old = poller.runner().token.reveal();
    f.give_tokens(200s);
    co_await f.rotate_for(80s);
    EXPECT_EQ(f.resets.size(), 1u);
    EXPECT_NEAR(f.resets.at(0).after, 75, 1);
    EXPECT_EQ(f.resets.at(0).token, old);
    EXPECT_EQ(f.stored.at(0).before, old);
    const auto& change = f.stored.at(0).change;
    EXPECT_EQ(change.token.reveal(), "glrt-fresh-1-0123456789");
    EXPECT_EQ(change.obtained_at, "2026-01-02T00:01:15Z");
    EXPECT_EQ(change.expires_at, "2026-01-02T00:04:35Z");
    // Requests from here on use it.
    f.gitlab.add_runner(util::Secret{"glrt-fresh-1-0123456789"});
    const auto result = co_await poller.gitlab().request_job();
    EXPECT_EQ(result.kind, gitlab_api::JobRequestResult::Kind::none) << result.call.text;
    EXPECT_EQ(poller.runner().token.reveal(), "glrt-fresh-1-0123456789");
  };
  run<Rotation>(test);
}

TEST_F(Rotation, Edge12TheEarliestComesFirstAndEveryLifeItsOwnRound) {
  const auto test = [](Rotation& f) -> asio::awaitable<void> {
    const auto slow = f.runner(400s).runner().token.reveal();
    const auto quick = f.runner(100s).runner().token.reveal();
    f.runner(0s);
    f.give_tokens(200s);
    co_await f.rotate_for(310s);
    EXPECT_EQ(f.resets.size(), 3u);
    EXPECT_EQ(f.resets.at(0).token, quick);
    EXPECT_EQ(f.resets.at(1).token, "glrt-fresh-1-0123456789") << "75 % of its 200 s";
    EXPECT_NEAR(f.resets.at(1).after, 75 + 150, 2);
    EXPECT_EQ(f.resets.at(2).token, slow);
    EXPECT_NEAR(f.resets.at(2).after, 300, 2);
  };
  run<Rotation>(test);
}

TEST_F(Rotation, Fault18ARefusedResetKeepsTheOldTokenAndIsTriedAgain) {
  const auto test = [](Rotation& f) -> asio::awaitable<void> {
    auto& poller = f.runner(100s);
    const auto old = poller.runner().token;
    f.gitlab.faults().fail_next(Endpoint::reset_token, 403, 2);
    const LogCapture log;
    co_await f.rotate_for(76s);
    EXPECT_EQ(poller.runner().token, old);
    EXPECT_TRUE(f.stored.empty());
    EXPECT_THAT(log.text(), HasSubstr("replacing the token"));
    EXPECT_THAT(log.text(), Not(HasSubstr(old.reveal())));
    f.give_tokens(200s);
    co_await f.rotate_for(200s);
    EXPECT_EQ(f.resets.size(), 1u);
    EXPECT_LT(f.resets.at(0).after, 100) << "before it expires";
    EXPECT_EQ(f.stored.size(), 1u);
  };
  run<Rotation>(test);
}

TEST_F(Rotation, ATokenThatCannotBeStoredIsUsedAndStoredLater) {
  const auto test = [](Rotation& f) -> asio::awaitable<void> {
    auto& poller = f.runner(100s);
    f.give_tokens(1000s);
    f.failing_stores = 3;
    const LogCapture log;
    co_await f.rotate_for(600s);
    EXPECT_EQ(f.resets.size(), 1u) << "the old one is void";
    EXPECT_EQ(poller.runner().token.reveal(), "glrt-fresh-1-0123456789");
    EXPECT_EQ(f.stored.size(), 1u);
    EXPECT_THAT(log.text(), HasSubstr("in use but not stored: disk full"));
  };
  run<Rotation>(test);
}

TEST_F(Rotation, Fault19AClockSetForwardIsNoticedWithinAMinute) {
  const auto test = [](Rotation& f) -> asio::awaitable<void> {
    f.runner(400h);
    f.give_tokens(1000h);
    co_await f.rotate_for(10min);
    EXPECT_TRUE(f.resets.empty());
    f.now += 320h;
    co_await f.rotate_for(325h);
    EXPECT_EQ(f.resets.size(), 1u);
  };
  run<Rotation>(test);
}

TEST_F(Rotation, AResetUnderWayIsNotCutOff) {
  const auto test = [](Rotation& f) -> asio::awaitable<void> {
    auto& poller = f.runner(100s);
    f.give_tokens(200s);
    f.now += 80s;
    f.gitlab.faults().delay_next(Endpoint::reset_token, 200ms);
    auto rotation = f.make();
    EXPECT_TRUE(rotation.needed());
    bool cancelled = false;
    try {
      auto running = rotation.run();
      co_await util::with_timeout(std::move(running), 50ms);
    } catch (const util::TimeoutError&) {
      cancelled = true;
    }
    EXPECT_TRUE(cancelled);
    EXPECT_EQ(poller.runner().token.reveal(), "glrt-fresh-1-0123456789");
    EXPECT_EQ(f.stored.size(), 1u);
  };
  run<Rotation>(test);
}

TEST_F(Rotation, CanBeSwitchedOff) {
  const auto test = [](Rotation& f) -> asio::awaitable<void> {
    f.runner(100s, {{"FF_DISABLE_AUTOMATIC_TOKEN_ROTATION", true}});
    const LogCapture log;
    co_await f.rotate_for(200s);
    EXPECT_EQ(f.gitlab.count(Endpoint::reset_token), 0u);
    EXPECT_THAT(log.text(), HasSubstr("is not replaced (FF_DISABLE_AUTOMATIC_TOKEN_ROTATION)"));
  };
  run<Rotation>(test);
}

TEST_F(Rotation, Edge12TheServiceWritesItIntoItsFile) {
  const auto token = add_runner();
  const auto path = dir.path() / "config.toml";
  auto& config = options.config;
  config.path = path;
  config.text = "# mine\n[[runners]]\n  name = \"r0\"\n  url = \"" + client().options().url +
                "\"\n  token = \"" + token + "\"\n  executor = \"docker\"\n";
  std::ofstream{path} << config.text;
  // It expires soon, and lived for long.
  config.runners[0].token_obtained_at = "2020-01-01T00:00:00Z";
  config.runners[0].token_expires_at = time_text(std::chrono::system_clock::now() + 1h);
  const util::Secret fresh{"glrt-fresh-0123456789"};
  gitlab.add_runner(fresh);
  gitlab.faults().fail_next(
      Endpoint::reset_token,
      {.status = 201,
       .body = R"({"token":"glrt-fresh-0123456789","token_expires_at":"2099-05-01T00:00:00Z"})"});
  const auto test = [](Rotation& f) -> asio::awaitable<void> {
    const auto used = [&f] {
      const auto all = f.requests();
      return !all.empty() && all.back().token == "glrt-fresh-0123456789";
    };
    for (int i = 0; !used() && i < 1000; ++i) co_await util::sleep_for(10ms);
    EXPECT_TRUE(used());
    std::stringstream text;
    text << std::ifstream{f.dir.path() / "config.toml"}.rdbuf();
    EXPECT_THAT(text.str(), HasSubstr("# mine\n"));
    EXPECT_THAT(text.str(), HasSubstr("  token = \"glrt-fresh-0123456789\"\n"));
    EXPECT_THAT(text.str(), HasSubstr("  token_expires_at = 2099-05-01T00:00:00Z\n"));
  };
  options.config.check_interval = 1s;
  run_service<Rotation>(test);
}

}  // namespace
}  // namespace slipway::runner
