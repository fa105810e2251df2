#include "engine_test.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/this_coro.hpp>
#include <cstdlib>
#include <iterator>

#include "tests/fakes/run_test.hpp"
#include "util/async.hpp"

namespace slipway::tests {
namespace {

using namespace std::chrono_literals;

/// Removals may still be going on when a test ends.
constexpr auto census_limit = 15s;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::vector<std::string> only_in(const EngineCensus& one, const EngineCensus& other) {
  std::vector<std::string> difference;
  std::set_difference(one.objects.begin(), one.objects.end(), other.objects.begin(),
                      other.objects.end(), std::back_inserter(difference));
  return difference;
}

asio::awaitable<void> sweep(docker_api::Client& engine) {
  std::vector<std::string> labels{EngineTest::label};
  const auto containers = co_await engine.list_containers(labels);
  for (const auto& container : containers)
    co_await engine.remove_container(container.id, true, true);
  const auto volumes = co_await engine.list_volumes(labels);
  for (const auto& volume : volumes) co_await engine.remove_volume(volume.name, true);
  const auto networks = co_await engine.list_networks(labels);
  for (const auto& network : networks) co_await engine.remove_network(network.id);
}

asio::awaitable<EngineCensus> wait_for_census(docker_api::Client& engine, EngineCensus want) {
  const auto deadline = std::chrono::steady_clock::now() + census_limit;
  while (true) {
    auto census = co_await take_census(engine);
    if (census == want || std::chrono::steady_clock::now() > deadline) co_return census;
    co_await util::sleep_for(100ms);
  }
}

}  // namespace

asio::awaitable<EngineCensus> take_census(docker_api::Client& engine) {
  EngineCensus census;
  std::vector<std::string> all;
  const auto containers = co_await engine.list_containers(all);
  for (const auto& c : containers)
    census.objects.insert(
        fmt::format("container {} {} {}", c.id, c.names.empty() ? "" : c.names.front(), c.state));
  const auto volumes = co_await engine.list_volumes(all);
  // The helper volume is made once per Engine and stays.
  for (const auto& v : volumes)
    if (!v.name.starts_with("slipway-helper-")) census.objects.insert("volume " + v.name);
  const auto networks = co_await engine.list_networks(all);
  for (const auto& n : networks) {
    // The Engine makes its default bridge anew, with another id, at every start, the other two with
    // a new data root.
    const bool own = n.name == "bridge" || n.name == "host" || n.name == "none";
    census.objects.insert(fmt::format("network {} {}", own ? "" : n.id, n.name));
  }
  co_return census;
}

std::unique_ptr<docker_api::Client> make_engine(asio::any_io_executor executor) {
  auto host = environment("DOCKER_HOST");
  if (host.empty()) host = "unix:///var/run/docker.sock";
  auto endpoint = docker_api::parse_host(host, !environment("DOCKER_TLS_VERIFY").empty(),
                                         environment("DOCKER_CERT_PATH"));
  return std::make_unique<docker_api::Client>(std::move(executor), std::move(endpoint),
                                              docker_api::host_prefix(host));
}

void EngineTest::run(Body body, std::chrono::seconds limit) {
  const auto test = [&body]() {
    return [](const Body& work) -> asio::awaitable<void> {
      const auto engine = make_engine(co_await asio::this_coro::executor);
      co_await engine->connect();
      co_await work(*engine);
    }(body);
  };
  run_test(test, limit);
}

EngineTest::~EngineTest() {
  EXPECT_EQ(host_before_.difference(), "");
}

void EngineTest::SetUp() {
  run([this](docker_api::Client& engine) {
    return [](docker_api::Client& client, EngineCensus& census) -> asio::awaitable<void> {
      census = co_await take_census(client);
    }(engine, before_);
  });
}

void EngineTest::TearDown() {
  run([this](docker_api::Client& engine) {
    return [](docker_api::Client& client, const EngineCensus& before) -> asio::awaitable<void> {
      const auto after = co_await wait_for_census(client, before);
      EXPECT_EQ(only_in(after, before), std::vector<std::string>{}) << "left behind";
      EXPECT_EQ(only_in(before, after), std::vector<std::string>{}) << "removed, but not ours";
      co_await sweep(client);
    }(engine, before_);
  });
}

docker_api::ContainerSpec busybox(std::vector<std::string> command) {
  docker_api::ContainerSpec spec;
  spec.image = EngineTest::image;
  spec.command = std::move(command);
  spec.labels = {{EngineTest::label, "1"}};
  spec.log_driver = "none";
  return spec;
}

asio::awaitable<std::string> read_all(docker_api::Attachment& attachment) {
  std::string output;
  const docker_api::StreamParser::Sink sink = [&](docker_api::StreamType, std::string_view piece) {
    output += piece;
  };
  while (true) {
    const bool more = co_await attachment.read(sink);
    if (!more) break;
  }
  co_return output;
}

asio::awaitable<Finished> run_container(docker_api::Client& engine,
                                        docker_api::ContainerSpec spec) {
  const auto id = co_await engine.create_container(std::move(spec));
  const auto attachment = co_await engine.attach(id, false);
  co_await engine.start_container(id);
  Finished finished;
  finished.output = co_await read_all(*attachment);
  const auto result = co_await engine.wait_container(id);
  finished.exit_code = result.status_code;
  co_await engine.remove_container(id, true, true);
  co_return finished;
}

}  // namespace slipway::tests
