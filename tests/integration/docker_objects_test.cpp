#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <cstdio>

#include "docker_api/error.hpp"
#include "engine_test.hpp"
#include "util/async.hpp"

namespace slipway::tests {
namespace {

using namespace std::chrono_literals;
using docker_api::Attachment;
using docker_api::Client;
using docker_api::EngineError;
using docker_api::Mount;
using docker_api::StreamParser;
using docker_api::StreamType;
using testing::HasSubstr;

class Images : public EngineTest {};

TEST_F(Images, AreInspectedImportedAndRemoved) {
  run([](Client& engine) -> asio::awaitable<void> {
    const auto image = co_await engine.inspect_image(EngineTest::image, "linux/amd64");
    EXPECT_THAT(image.id, testing::StartsWith("sha256:"));
    EXPECT_EQ(image.os, "linux");
    const auto by_id = co_await engine.inspect_image(image.id);
    EXPECT_EQ(by_id.id, image.id);
    docker_api::TarBuilder tar;
    tar.add_file("hello", 0644, "from slipway");
    const auto path = testing::TempDir() + "slipway-import-test.tar";
    {
      FILE* file = std::fopen(path.c_str(), "wb");
      const auto archive = tar.finish();
      EXPECT_EQ(std::fwrite(archive.data(), 1, archive.size(), file), archive.size());
      std::fclose(file);
    }
    std::vector<std::string> changes{"CMD [\"/hello\"]", "EXPOSE 2376 80", "USER 7"};
    co_await engine.import_image(path, "slipway-test-import", "1", changes);
    std::remove(path.c_str());
    const auto imported = co_await engine.inspect_image("slipway-test-import:1");
    EXPECT_THAT(imported.command, testing::ElementsAre("/hello"));
    EXPECT_THAT(imported.exposed_tcp_ports, testing::ElementsAre(80, 2376));
    EXPECT_EQ(imported.user, "7");
    co_await engine.remove_image("slipway-test-import:1", true);
    const auto missing = co_await refusal(engine.inspect_image("slipway-test-import:1"));
    EXPECT_EQ(missing, 404);
  });
}

asio::awaitable<void> pull(Client& engine, std::string repository) {
  std::string tag = "latest";
  std::string platform;
  std::string auth;
  std::function<void(const docker_api::PullProgress&)> none;
  co_await engine.pull_image(std::move(repository), std::move(tag), std::move(platform),
                             std::move(auth), std::move(none));
}

TEST_F(Images, ThatCannotBePulledAreAnError) {
  run([](Client& engine) -> asio::awaitable<void> {
    // Nothing listens on this port of the Engine's host.
    std::string message;
    try {
      co_await pull(engine, "127.0.0.1:1/slipway");
    } catch (const EngineError& e) {
      message = e.what();
    }
    EXPECT_THAT(message, HasSubstr("connection refused"));
  });
}

class Volumes : public EngineTest {};

TEST_F(Volumes, AreCreatedListedAndRemoved) {
  run([](Client& engine) -> asio::awaitable<void> {
    const docker_api::Labels labels{{EngineTest::label, "1"}};
    const auto volume = co_await engine.create_volume("slipway-test-volume", labels);
    EXPECT_EQ(volume.name, "slipway-test-volume");
    EXPECT_EQ(volume.driver, "local");
    EXPECT_EQ(volume.labels, labels);
    std::vector<std::string> filter{std::string{EngineTest::label} + "=1"};
    auto listed = co_await engine.list_volumes(filter);
    EXPECT_EQ(listed.size(), 1u);
    filter = {"io.slipway.test=2"};
    listed = co_await engine.list_volumes(filter);
    EXPECT_TRUE(listed.empty());
    auto spec = busybox({"true"});
    const docker_api::Labels mount_labels{{EngineTest::label, "2"}};
    spec.mounts = {{Mount::Kind::volume, "slipway-test-volume", "/old", true, {}},
                   {Mount::Kind::volume, "slipway-test-new", "/new", false, mount_labels}};
    const auto id = co_await engine.create_container(spec);
    listed = co_await engine.list_volumes(filter);
    EXPECT_EQ(listed.size(), 1u);
    const auto in_use = co_await refusal(engine.remove_volume("slipway-test-volume", false));
    EXPECT_EQ(in_use, 409);
    co_await engine.remove_container(id, true, true);
    co_await engine.remove_volume("slipway-test-volume", false);
    co_await engine.remove_volume("slipway-test-volume", false);
    co_await engine.remove_volume("slipway-test-new", false);
  });
}

class Networks : public EngineTest {};

TEST_F(Networks, ResolveAliases) {
  run([](Client& engine) -> asio::awaitable<void> {
    docker_api::NetworkSpec network;
    network.name = "slipway-test-net";
    network.labels = {{EngineTest::label, "1"}};
    network.options = {{"com.docker.network.driver.mtu", "1400"}};
    const auto network_id = co_await engine.create_network(network);
    auto spec = busybox({"sleep", "60"});
    spec.network_mode = network.name;
    spec.network_aliases = {"first-alias"};
    const auto id = co_await engine.create_container(spec);
    co_await engine.start_container(id);
    const auto container = co_await engine.inspect_container(id);
    const auto address = container.addresses.at(network.name).at(0);
    auto lookup = busybox({"ping", "-c1", "-w5", "first-alias"});
    lookup.network_mode = network.name;
    const auto finished = co_await run_container(engine, lookup);
    EXPECT_EQ(finished.exit_code, 0);
    EXPECT_THAT(finished.output, HasSubstr(address));
    auto details = co_await engine.inspect_network(network_id);
    EXPECT_EQ(details.name, network.name);
    EXPECT_EQ(details.driver, "bridge");
    EXPECT_EQ(details.gateways.size(), 1u);
    EXPECT_THAT(details.containers, testing::ElementsAre(id));
    const auto in_use = co_await refusal(engine.remove_network(network_id));
    EXPECT_EQ(in_use, 403);
    co_await engine.disconnect_network(network_id, id, true);
    details = co_await engine.inspect_network(network_id);
    EXPECT_TRUE(details.containers.empty());
    std::vector<std::string> filter{EngineTest::label};
    const auto listed = co_await engine.list_networks(filter);
    EXPECT_EQ(listed.size(), 1u);
    co_await engine.remove_container(id, true, true);
    co_await engine.remove_network(network_id);
    co_await engine.remove_network(network_id);
  });
}

class Events : public EngineTest {};

asio::awaitable<void> watch(Client& engine, std::vector<std::string>& actions) {
  std::vector<std::string> labels{std::string{EngineTest::label} + "=1"};
  std::function<void(const docker_api::EngineEvent&)> sink =
      [&actions](const docker_api::EngineEvent& event) { actions.push_back(event.action); };
  co_await engine.watch_events(std::move(labels), std::move(sink));
}

asio::awaitable<void> live_and_die(Client& engine) {
  co_await util::sleep_for(500ms);
  auto spec = busybox({"true"});
  co_await run_container(engine, spec);
  co_await util::sleep_for(500ms);
}

TEST_F(Events, TellALife) {
  run([](Client& engine) -> asio::awaitable<void> {
    std::vector<std::string> actions;
    auto watching = watch(engine, actions);
    auto living = live_and_die(engine);
    const auto first = co_await util::first_of(std::move(watching), std::move(living));
    EXPECT_EQ(first, 1u);
    EXPECT_THAT(actions, testing::IsSupersetOf({"create", "start", "die", "destroy"}));
  });
}

class Cancellation : public EngineTest {};

template <class T>
asio::awaitable<bool> is_cancelled_in_time(asio::awaitable<T> work) {
  const auto start = std::chrono::steady_clock::now();
  bool timed_out = false;
  try {
    co_await util::with_timeout(std::move(work), 400ms);
  } catch (const util::TimeoutError&) {
    timed_out = true;
  }
  const auto took = std::chrono::steady_clock::now() - start;
  co_return timed_out&& took < 3s;
}

TEST_F(Cancellation, EndsEveryLongCall) {
  run([](Client& engine) -> asio::awaitable<void> {
    auto spec = busybox({"sleep", "60"});
    const auto id = co_await engine.create_container(spec);
    const auto attachment = co_await engine.attach(id, false);
    co_await engine.start_container(id);
    const auto wait = co_await is_cancelled_in_time(engine.wait_container(id));
    EXPECT_TRUE(wait);
    const auto attach = co_await is_cancelled_in_time(read_all(*attachment));
    EXPECT_TRUE(attach);
    attachment->close();
    const StreamParser::Sink ignore = [](StreamType, std::string_view) {};
    std::vector<std::string> command{"sleep", "60"};
    const auto exec = co_await is_cancelled_in_time(engine.exec(id, command, ignore));
    EXPECT_TRUE(exec);
    std::vector<std::string> actions;
    const auto events = co_await is_cancelled_in_time(watch(engine, actions));
    EXPECT_TRUE(events);
    const auto details = co_await engine.inspect_container(id);
    EXPECT_TRUE(details.running) << "cancelling a wait does not touch the container";
    co_await engine.remove_container(id, true, true);
  });
}

TEST_F(Cancellation, EndsAPull) {
  run([](Client& engine) -> asio::awaitable<void> {
    // A registry that takes connections and never answers.
    const asio::ip::tcp::endpoint anywhere{asio::ip::address_v4::loopback(), 0};
    asio::ip::tcp::acceptor registry{co_await asio::this_coro::executor, anywhere};
    const auto port = registry.local_endpoint().port();
    auto repository = "127.0.0.1:" + std::to_string(port) + "/slipway";
    const auto pulled = co_await is_cancelled_in_time(pull(engine, std::move(repository)));
    EXPECT_TRUE(pulled);
  });
}

}  // namespace
}  // namespace slipway::tests
