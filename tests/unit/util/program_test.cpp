#include "util/program.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <fstream>
#include <system_error>

#include "tests/fakes/run_test.hpp"
#include "util/async.hpp"

namespace slipway::util {
namespace {

using namespace std::chrono_literals;
using Words = std::vector<std::string>;

/// Each case is a shell script and what comes of it.
struct Case {
  std::string script;
  std::string input;
  int exit_code;
  std::string output;
};

TEST(Program, GivesOutputAndExitCode) {
  const auto body = []() -> asio::awaitable<void> {
    const Case cases[] = {
        {"echo hello", "", 0, "hello\n"},
        {"cat; exit 3", "some input", 3, "some input"},
        {"cat | wc -c", std::string(1'000'000, 'x'), 0, "1000000\n"},
        {"echo lost >&2; printf kept", "", 0, "kept"},
        {"kill -TERM $$", "", 128 + SIGTERM, ""},
        {"cat", "", 0, ""},
        {"trap", "", 0, ""},
        {"head -c 60000 /dev/zero | tr '\\0' x", "", 0, std::string(60'000, 'x')},
    };
    for (const auto& c : cases) {
      SCOPED_TRACE(c.script);
      Words words{"sh", "-c", c.script};
      const auto end = co_await run_program(std::move(words), c.input, 2'000'000, 10s);
      EXPECT_EQ(end.exit_code, c.exit_code);
      EXPECT_EQ(end.output, c.output);
      EXPECT_FALSE(end.too_much);
    }
  };
  tests::run_test(body, 30s);
}

TEST(Program, SeesNoDescriptorButItsThree) {
  const auto body = []() -> asio::awaitable<void> {
    const int open = ::fcntl(0, F_DUPFD, 50);  // without CLOEXEC
    Words words{"sh", "-c", "ls /proc/self/fd | wc -l; [ -e /proc/self/fd/50 ] || echo none"};
    const auto end = co_await run_program(std::move(words), "", 1000, 10s);
    ::close(open);
    // The fourth is that of `ls` itself.
    EXPECT_EQ(end.output, "4\nnone\n");
  };
  tests::run_test(body);
}

TEST(Program, AMissingOneIsAnError) {
  const auto body = []() -> asio::awaitable<void> {
    Words words{"no-such-program-anywhere"};
    int code = 0;
    try {
      co_await run_program(std::move(words), "", 1000, 10s);
    } catch (const std::system_error& error) {
      code = error.code().value();
    }
    EXPECT_EQ(code, ENOENT);
  };
  tests::run_test(body);
}

TEST(Program, TooMuchOutputEndsIt) {
  const auto body = []() -> asio::awaitable<void> {
    Words words{"sh", "-c", "yes"};
    const auto end = co_await run_program(std::move(words), "", 10'000, 10s);
    EXPECT_TRUE(end.too_much);
    EXPECT_EQ(end.output.size(), 10'000u);
    EXPECT_EQ(end.exit_code, 128 + SIGKILL);
  };
  tests::run_test(body);
}

/// True while a process has `argument` as its last argument.
bool runs(const std::string& argument) {
  const auto command = "grep -lz '^" + argument + "$' /proc/[0-9]*/cmdline 2>/dev/null";
  FILE* pipe = ::popen(("for i in 1 2 3 4 5 6 7 8 9 10; do found=$(" + command +
                        " | grep -v self); [ -z \"$found\" ] && exit 1; sleep 0.1; done")
                           .c_str(),
                       "r");
  return ::pclose(pipe) == 0;
}

TEST(Program, AtItsLimitItAndWhatItStartedAreKilled) {
  const auto body = []() -> asio::awaitable<void> {
    Words words{"sh", "-c", "sleep 77771 & sleep 77771"};
    bool late = false;
    try {
      co_await run_program(std::move(words), "", 1000, 200ms);
    } catch (const TimeoutError&) {
      late = true;
    }
    EXPECT_TRUE(late);
    EXPECT_FALSE(runs("77771"));
  };
  tests::run_test(body);
}

TEST(Program, ItsEndEndsWhatItLeftBehind) {
  const auto body = []() -> asio::awaitable<void> {
    for (const char* script : {"sleep 77772 >/dev/null & echo done", "sleep 77772 & echo done"}) {
      Words words{"sh", "-c", script};
      const auto end = co_await run_program(std::move(words), "", 1000, 10s);
      EXPECT_EQ(end.output, "done\n");
      EXPECT_EQ(end.exit_code, 0);
      EXPECT_FALSE(runs("77772"));
    }
  };
  tests::run_test(body);
}

TEST(Program, AStatusThatIsNobodysIsNoSuccess) {
  const auto body = []() -> asio::awaitable<void> {
    const auto before = ::signal(SIGCHLD, SIG_IGN);
    Words words{"sh", "-c", "echo done"};
    const auto end = co_await run_program(std::move(words), "", 1000, 10s);
    ::signal(SIGCHLD, before);
    EXPECT_EQ(end.output, "done\n");
    EXPECT_NE(end.exit_code, 0);
  };
  tests::run_test(body);
}

TEST(Program, ACancellationKillsIt) {
  const auto body = []() -> asio::awaitable<void> {
    Words words{"sh", "-c", "sleep 77773"};
    auto running = run_program(std::move(words), "", 1000, 10s);
    auto discarding = [](asio::awaitable<ProgramEnd> work) -> asio::awaitable<void> {
      co_await std::move(work);
    }(std::move(running));
    auto pause = sleep_for(100ms);
    const auto first = co_await first_of(std::move(discarding), std::move(pause));
    EXPECT_EQ(first, 1u);
    EXPECT_FALSE(runs("77773"));
  };
  tests::run_test(body);
}

}  // namespace
}  // namespace slipway::util
