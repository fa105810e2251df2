#include "cmd/slipway-demo/child.hpp"

#include <gmock/gmock.h>
#include <stdlib.h>

#include <csignal>
#include <fstream>
#include <iterator>

#include "tests/fakes/run_test.hpp"
#include "util/async.hpp"

namespace slipway::demo {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class ChildTest : public testing::Test {
 public:
  ChildTest() {
    auto path = (std::filesystem::temp_directory_path() / "slipway-child-XXXXXX").string();
    EXPECT_NE(::mkdtemp(path.data()), nullptr);
    directory_ = path;
  }
  ~ChildTest() override { std::filesystem::remove_all(directory_); }

  std::filesystem::path output() const { return directory_ / "output"; }
  std::string text() const {
    std::ifstream file{output()};
    return {std::istreambuf_iterator<char>{file}, {}};
  }
  /// A shell that runs `script` in an environment of one variable.
  std::unique_ptr<Child> shell(const std::string& script) const {
    return std::make_unique<Child>(std::vector<std::string>{"/bin/sh", "-c", script},
                                   std::vector<std::string>{"GREETING=hello"}, output());
  }
  /// Waits until the child has written something.
  asio::awaitable<void> started() const {
    while (text().empty()) co_await util::sleep_for(5ms);
  }

 private:
  std::filesystem::path directory_;
};

TEST_F(ChildTest, WritesToItsFileAndEndsWithItsCode) {
  const auto child = shell("echo $GREETING $HOME; echo problem >&2; read line; exit 3");
  tests::run_test([&]() -> asio::awaitable<void> {
    return [](Child& running) -> asio::awaitable<void> {
      const int code = co_await running.wait();
      EXPECT_EQ(code, 3);
      const int again = co_await running.end(SIGTERM, 1s);
      EXPECT_EQ(again, 3);
    }(*child);
  });
  EXPECT_EQ(text(), "hello\nproblem\n");
}

TEST_F(ChildTest, SaysWhyItCannotRun) {
  const auto child = std::make_unique<Child>(std::vector<std::string>{"/no/such/program"},
                                             std::vector<std::string>{}, output());
  tests::run_test([&]() -> asio::awaitable<void> {
    return [](Child& running) -> asio::awaitable<void> {
      const int code = co_await running.wait();
      EXPECT_EQ(code, 127);
    }(*child);
  });
  EXPECT_THAT(text(), HasSubstr("/no/such/program: No such file"));
}

TEST_F(ChildTest, IsEndedBySignals) {
  const struct {
    const char* script;
    int code;
  } cases[] = {
      {"echo up; exec sleep 100", 128 + SIGTERM},
      {"trap 'exit 5' TERM; echo up; while :; do sleep 0.01; done", 5},
      {"trap '' TERM; echo up; while :; do sleep 0.01; done", 128 + SIGKILL},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.script);
    std::filesystem::remove(output());
    const auto child = shell(c.script);
    tests::run_test([&]() -> asio::awaitable<void> {
      return [](ChildTest& test, Child& running, int want) -> asio::awaitable<void> {
        co_await test.started();
        EXPECT_FALSE(running.poll());
        const int code = co_await running.end(SIGTERM, 300ms);
        EXPECT_EQ(code, want);
      }(*this, *child, c.code);
    });
  }
}

TEST_F(ChildTest, RunsOnWhenAWaitIsCancelledAndEndsWithItsObject) {
  auto child = shell("echo $$; exec sleep 100");
  tests::run_test([&]() -> asio::awaitable<void> {
    return [](ChildTest& test, Child& running) -> asio::awaitable<void> {
      co_await test.started();
      bool timed_out = false;
      try {
        auto wait = running.wait();
        co_await util::with_timeout(std::move(wait), 50ms);
      } catch (const util::TimeoutError&) {
        timed_out = true;
      }
      EXPECT_TRUE(timed_out);
      EXPECT_FALSE(running.poll());
    }(*this, *child);
  });
  const auto pid = std::stoi(text());
  EXPECT_EQ(::kill(pid, 0), 0);
  child.reset();
  EXPECT_NE(::kill(pid, 0), 0);
}

TEST(Inherit, TakesOnlyWhatIsNamedAndSet) {
  ::setenv("SLIPWAY_DEMO_TEST", "a=b", 1);
  ::unsetenv("SLIPWAY_DEMO_UNSET");
  EXPECT_THAT(inherit({"SLIPWAY_DEMO_UNSET", "SLIPWAY_DEMO_TEST"}),
              testing::ElementsAre("SLIPWAY_DEMO_TEST=a=b"));
}

}  // namespace
}  // namespace slipway::demo
