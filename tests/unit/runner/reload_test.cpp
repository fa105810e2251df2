// The configuration changes while a service runs.

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "config/edit.hpp"
#include "config/load.hpp"
#include "local/payload.hpp"
#include "log_capture.hpp"
#include "service_fixture.hpp"

namespace slipway::runner {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class Reload : public ServiceTest {
 public:
  /// A runner of the coordinator as a block of the file.
  std::string block(const std::string& name, const std::string& more = "") {
    const auto token = add_runner();
    options.config.runners.clear();
    return block_of(name, token, more);
  }
  std::string block_of(const std::string& name, const std::string& token,
                       const std::string& more = "") {
    return "[[runners]]\nname = \"" + name + "\"\nurl = \"" + client().options().url +
           "\"\ntoken = \"" + token + "\"\nexecutor = \"docker\"\n" + more +
           "[runners.docker]\nhost = \"unix://" + (dir.path() / "no-engine.sock").string() + "\"\n";
  }
  std::string token_of(std::size_t index) const {
    return gitlab.runners().at(index).token.reveal();
  }
  std::string path() const { return (dir.path() / "config.toml").string(); }
  void write(const std::string& text) const {
    std::ofstream{path() + ".new"} << text;
    std::filesystem::rename(path() + ".new", path());
  }
  /// As `slipway run` does it.
  void start_with(const std::string& text) {
    write(text);
    options.config = config::load(path());
    options.load_config = [file = path()] {
      ++loads;
      return config::load(file);
    };
    options.on_loaded = [this](const config::Config& config) {
      loaded.push_back(config.concurrent);
    };
  }
  asio::awaitable<void> logged(const LogCapture& log, std::string text) {
    for (int i = 0; log.text().find(text) == std::string::npos; ++i) {
      if (i > 1600) throw util::TimeoutError{8s};
      co_await util::sleep_for(5ms);
    }
  }
  std::size_t requests_of(const std::string& token) const {
    const auto all = requests();
    return static_cast<std::size_t>(
        std::ranges::count_if(all, [&](const Request& one) { return one.token == token; }));
  }

  inline static int loads = 0;
  std::vector<int> loaded;
};

TEST_F(Reload, ARunnerIsAddedWithinThreeSeconds) {
  const auto first = block("first");
  const auto second = block("second");
  start_with("check_interval = 1\n" + first);
  const auto test = [](Reload& f) -> asio::awaitable<void> {
    const LogCapture log;
    co_await f.requests_made(1);
    const auto began = std::chrono::steady_clock::now();
    f.write("check_interval = 1\nconcurrent = 4\n" + f.block_of("first", f.token_of(0)) +
            f.block_of("second", f.token_of(1)));
    for (int i = 0; f.requests_of(f.token_of(1)) == 0; ++i) {
      if (i > 1000) throw util::TimeoutError{10s};
      co_await util::sleep_for(10ms);
    }
    EXPECT_LE(std::chrono::steady_clock::now() - began, 6s) << "3 s, and the load of this machine";
    EXPECT_THAT(log.text(), AllOf(HasSubstr("the runner takes jobs from now on runner=second"),
                                  HasSubstr("Configuration loaded runners=2 concurrent=4")));
    EXPECT_EQ(f.loaded, std::vector<int>{4});
  };
  run_service<Reload>(test);
}

TEST_F(Reload, ARemovedRunnerIsAskedNoMore) {
  const auto first = block("first");
  const auto second = block("second");
  start_with("check_interval = 1\n" + first + second);
  const auto test = [](Reload& f) -> asio::awaitable<void> {
    const LogCapture log;
    co_await f.requests_made(2);
    f.write("check_interval = 1\n" + f.block_of("first", f.token_of(0)));
    co_await f.logged(log,
                      "the runner takes no jobs any more; its running jobs go on runner=second");
    const auto before = f.requests_of(f.token_of(1));
    const auto others = f.requests_of(f.token_of(0));
    for (int i = 0; f.requests_of(f.token_of(0)) < others + 2; ++i) {
      if (i > 1000) throw util::TimeoutError{10s};
      co_await util::sleep_for(10ms);
    }
    EXPECT_LE(f.requests_of(f.token_of(1)), before + 1);
  };
  run_service<Reload>(test);
}

TEST_F(Reload, AnotherTokenIsUsedInPlaceOfTheOld) {
  const auto first = block("first");
  block("unused");
  start_with("check_interval = 1\n" + first);
  const auto test = [](Reload& f) -> asio::awaitable<void> {
    co_await f.requests_made(1);
    f.write("check_interval = 1\n" + f.block_of("first", f.token_of(1)));
    for (int i = 0; f.requests_of(f.token_of(1)) < 2; ++i) {
      if (i > 1000) throw util::TimeoutError{10s};
      co_await util::sleep_for(10ms);
    }
    EXPECT_EQ(f.requests().back().token, f.token_of(1));
  };
  run_service<Reload>(test);
}

TEST_F(Reload, SettingsOfARunnerHoldForItsNextJobs) {
  const auto first = block("first");
  start_with("check_interval = 60\n" + first);
  const auto test = [](Reload& f) -> asio::awaitable<void> {
    const LogCapture log;
    co_await f.requests_made(1);
    // Neither the old interval nor a client of its own stands in the way.
    f.write("check_interval = 1\n" +
            f.block_of("first", f.token_of(0), "environment = [\"A=1\"]\nlimit = 2\n"));
    co_await f.requests_made(3);
    EXPECT_THAT(log.text(),
                AllOf(HasSubstr("Configuration loaded"), Not(HasSubstr("the runner has changed"))));
  };
  run_service<Reload>(test);
}

TEST_F(Reload, Edge47ABrokenFileIsToldOnceAndChangesNothing) {
  const auto first = block("first");
  start_with("check_interval = 1\n" + first);
  const auto test = [](Reload& f) -> asio::awaitable<void> {
    const LogCapture log;
    co_await f.requests_made(1);
    f.write("concurrent = \"many\"\n");
    co_await f.logged(log,
                      "Failed to load config: " + f.path() +
                          ":1:14: key \"concurrent\": expected an integer, found a string; the "
                          "configuration that was loaded last stays in force");
    const auto loads = Reload::loads;
    co_await f.requests_made(f.requests().size() + 2);
    EXPECT_EQ(Reload::loads, loads) << "not tried again";
    f.write("concurrent = 0\n" + f.block_of("first", f.token_of(0)));
    co_await f.logged(log, "concurrent is 0, but must be at least 1; the configuration");
    EXPECT_TRUE(f.loaded.empty());
    f.write("concurrent = 7\ncheck_interval = 1\n" + f.block_of("first", f.token_of(0)));
    co_await f.logged(log, "Configuration loaded runners=1 concurrent=7");
    EXPECT_EQ(f.loaded, std::vector<int>{7});
  };
  run_service<Reload>(test, 40s);
}

TEST_F(Reload, AFileThatIsGoneIsToldOnceAndReadWhenItIsBack) {
  const auto first = block("first");
  start_with("check_interval = 1\n" + first);
  const auto test = [](Reload& f) -> asio::awaitable<void> {
    const LogCapture log;
    co_await f.requests_made(1);
    std::filesystem::remove(f.path());
    co_await f.logged(log, f.path() + " is gone; the configuration that was loaded last stays");
    co_await f.requests_made(f.requests().size() + 2);
    const auto lines = log.lines();
    EXPECT_EQ(std::ranges::count_if(
                  lines, [](const auto& line) { return line.find("is gone") != line.npos; }),
              1);
    f.write("concurrent = 3\ncheck_interval = 1\n" + f.block_of("first", f.token_of(0)));
    co_await f.logged(log, "Configuration loaded runners=1 concurrent=3");
  };
  run_service<Reload>(test, 40s);
}

TEST_F(Reload, OnDemandAlsoWithoutAChange) {
  const auto first = block("first");
  start_with("check_interval = 1\n" + first);
  const auto test = [](Reload& f) -> asio::awaitable<void> {
    const LogCapture log;
    co_await f.requests_made(1);
    f.service().reload_soon();
    co_await f.logged(log, "Configuration loaded runners=1 concurrent=1");
  };
  run_service<Reload>(test);
}

TEST_F(Reload, WhatNeedsARestartIsNamed) {
  const auto first = block("first");
  start_with("check_interval = 1\n" + first);
  const auto test = [](Reload& f) -> asio::awaitable<void> {
    const LogCapture log;
    co_await f.requests_made(1);
    f.write("listen_address = \":1\"\n[slipway]\nstate_dir = \"/x\"\ndisk_high = \"50%\"\n" +
            f.block_of("first", f.token_of(0)));
    co_await f.logged(log,
                      "these changes take effect at the next start: listen_address, [slipway] "
                      "state_dir, [slipway] disk_*");
  };
  run_service<Reload>(test);
}

TEST_F(Reload, ItsOwnChangeOfATokenIsNoReload) {
  const auto first = block("first");
  start_with("check_interval = 1\n" + first);
  const auto expiry = time_text(std::chrono::system_clock::now() + 1h);
  options.config.runners[0].token_obtained_at = "2020-01-01T00:00:00Z";
  options.config.runners[0].token_expires_at = expiry;
  gitlab.add_runner(util::Secret{"glrt-fresh-0123456789"});
  gitlab.faults().fail_next(
      Endpoint::reset_token,
      {.status = 201,
       .body = R"({"token":"glrt-fresh-0123456789","token_expires_at":"2099-05-01T00:00:00Z"})"});
  const auto test = [](Reload& f) -> asio::awaitable<void> {
    const LogCapture log;
    for (int i = 0; f.requests_of("glrt-fresh-0123456789") == 0; ++i) {
      if (i > 1000) throw util::TimeoutError{10s};
      co_await util::sleep_for(10ms);
    }
    const auto loads = Reload::loads;
    for (int i = 0; Reload::loads == loads && i < 600; ++i) co_await util::sleep_for(10ms);
    co_await f.requests_made(f.requests().size() + 2);
    EXPECT_THAT(log.text(),
                AllOf(HasSubstr("the token was replaced"), Not(HasSubstr("Configuration loaded")),
                      Not(HasSubstr("takes jobs"))));
  };
  run_service<Reload>(test, 30s);
}

TEST_F(Reload, ARunningJobIsUnharmedWhenItsRunnerGoes) {
  const auto first = block("first");
  start_with("check_interval = 1\n" + first);
  const auto id = gitlab.enqueue(local::JobBuilder{}.build());
  const auto test = [](Reload& f) -> asio::awaitable<void> {
    const LogCapture log;
    co_await f.taken(1);
    f.write("check_interval = 1\n");
    co_await f.logged(log, "Configuration loaded runners=0");
    // It goes on to its end, here a failure for want of an Engine, and that is told.
    for (int i = 0; f.gitlab.job(1).state != JobState::failed; ++i) {
      if (i > 3000) throw util::TimeoutError{30s};
      co_await util::sleep_for(10ms);
    }
    EXPECT_THAT(log.text(), Not(HasSubstr("aborted")));
  };
  (void)id;
  run_service<Reload>(test, 60s);
}

}  // namespace
}  // namespace slipway::runner
