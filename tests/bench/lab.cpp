#include "tests/bench/lab.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <random>

#include "job/job.hpp"
#include "local/child_process.hpp"
#include "net/error.hpp"
#include "util/async.hpp"

namespace slipway::bench {

namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr auto settle_limit = 60s;
constexpr auto census_limit = 30s;
constexpr int repository_files = 40;
constexpr std::size_t repository_file_size = 2000;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string random_letters(std::size_t count) {
  std::random_device seed;
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += static_cast<char>('a' + seed() % 26);
  return text;
}

std::string git(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "git");
  const local::Environment settings{"GIT_CONFIG_NOSYSTEM=1",
                                    "GIT_CONFIG_GLOBAL=/dev/null",
                                    "GIT_AUTHOR_NAME=slipway",
                                    "GIT_AUTHOR_EMAIL=slipway@localhost",
                                    "GIT_COMMITTER_NAME=slipway",
                                    "GIT_COMMITTER_EMAIL=slipway@localhost",
                                    "LC_ALL=C"};
  auto result = local::run_program(arguments, settings);
  if (result.exit_code != 0) throw std::runtime_error{"git failed: " + result.errors};
  while (result.output.ends_with('\n')) result.output.pop_back();
  return result.output;
}

}  // namespace

void say(const std::string& text) {
  std::cerr << "bench: " << text << std::endl;
}

Lab::Lab(asio::any_io_executor executor, Options options)
    : executor_{std::move(executor)}, options_{std::move(options)}, random_{random_letters(20)} {
  runner_ = job::short_token(runner_token(0));
  scratch_ = fs::temp_directory_path() / ("slipway-bench-" + random_letters(8));
  fs::create_directories(scratch_);
  fs::permissions(scratch_, fs::perms::owner_all);
  docker_host_ = environment("DOCKER_HOST");
  if (docker_host_.empty()) docker_host_ = "unix:///var/run/docker.sock";
}

Lab::~Lab() {
  std::error_code error;
  fs::remove_all(scratch_, error);
  if (error) say(fmt::format("{} could not be removed: {}", scratch_.string(), error.message()));
}

net::Endpoint Lab::engine_endpoint() const {
  return docker_api::parse_host(docker_host_, !environment("DOCKER_TLS_VERIFY").empty(),
                                environment("DOCKER_CERT_PATH"));
}

std::string Lab::runner_token(int index) const {
  return fmt::format("glrt-{}{:04}", random_, index);
}

asio::awaitable<void> Lab::reach_engine() {
  std::string what = "no Docker Engine at " + docker_host_;
  try {
    co_await engine_->connect();
    const std::vector<std::string> images{small_image, cli_image, dind_image};
    for (const auto& image : images) {
      what = fmt::format("the bench needs the image {} on the Engine at {}", image, docker_host_);
      co_await engine_->inspect_image(image);
    }
  } catch (const net::Error& error) {
    throw std::runtime_error{
        fmt::format("{}: {}; start one, or run tools/dev bench", what, error.what())};
  } catch (const docker_api::EngineError& error) {
    throw std::runtime_error{
        fmt::format("{}: {}; pull it, or run tools/dev bench", what, error.what())};
  }
}

asio::awaitable<void> Lab::open() {
  engine_ = std::make_unique<docker_api::Client>(executor_, engine_endpoint(),
                                                 docker_api::host_prefix(docker_host_));
  co_await reach_engine();
  const auto bridge = co_await engine_->inspect_network("bridge");
  if (bridge.gateways.empty()) throw std::runtime_error{"the default bridge has no gateway"};
  gateway_ = bridge.gateways.front();
  before_ = co_await take_census(*engine_, runner_);
  make_repository();
}

asio::awaitable<void> Lab::settle() {
  const auto until = Clock::now() + settle_limit;
  while (true) {
    const auto now = co_await take_census(*engine_, runner_);
    std::string container;
    for (const auto& object : now.objects)
      if (object.starts_with("container ")) container = object;
    if (container.empty()) co_return;
    if (Clock::now() > until) throw WrongResult{"still there after its job: " + container};
    co_await util::sleep_for(50ms);
  }
}

asio::awaitable<void> Lab::close() {
  const auto until = Clock::now() + census_limit;
  std::string left;
  co_await sweep(*engine_, runner_);
  while (true) {
    const auto now = co_await take_census(*engine_, runner_);
    left = leftovers(before_, now);
    if (left.empty() || Clock::now() > until) break;
    co_await util::sleep_for(100ms);
  }
  Row row{.figure = "census: left on the Engine", .goal = "nothing"};
  row.verdict = left.empty() ? Verdict::met : Verdict::wrong;
  row.remark = left;
  table_.add(std::move(row));
}

void Lab::make_repository() {
  bare_ = scratch_ / "project.git";
  const auto work = (scratch_ / "work").string();
  git({"init", "-q", "--bare", "-b", "main", bare_.string()});
  git({"init", "-q", "-b", "main", work});
  git({"-C", work, "remote", "add", "origin", bare_.string()});
  for (int i = 0; i < repository_files; ++i) {
    std::string content;
    while (content.size() < repository_file_size) content += random_letters(60) + "\n";
    std::ofstream{fs::path{work} / fmt::format("file{}.txt", i)} << content;
  }
  commit("first");
}

std::string Lab::commit(const std::string& content) {
  const auto work = (scratch_ / "work").string();
  std::ofstream{fs::path{work} / "changing.txt"} << content << "\n";
  git({"-C", work, "add", "--all"});
  git({"-C", work, "commit", "-q", "-m", content});
  git({"-C", work, "push", "-q", "--force", "origin", "main", "main:refs/pipelines/1"});
  return git({"-C", work, "rev-parse", "HEAD"});
}

}  // namespace slipway::bench
