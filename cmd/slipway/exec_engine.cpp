#include "cmd/slipway/exec_engine.hpp"

#include <fmt/format.h>

#include <boost/asio/this_coro.hpp>
#include <cstdlib>

#include "cmd/slipway/fatal.hpp"
#include "docker_api/client.hpp"
#include "util/async.hpp"

namespace slipway::cmd {

namespace {

using namespace std::chrono_literals;
constexpr auto engine_limit = 30'000ms;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

asio::awaitable<std::string> ask_gateway() {
  auto host = environment("DOCKER_HOST");
  if (host.empty()) host = "unix:///var/run/docker.sock";
  std::string problem;
  std::string gateway;
  try {
    auto endpoint = docker_api::parse_host(host, !environment("DOCKER_TLS_VERIFY").empty(),
                                           environment("DOCKER_CERT_PATH"));
    const auto executor = co_await asio::this_coro::executor;
    docker_api::Client engine{executor, std::move(endpoint), docker_api::host_prefix(host)};
    co_await engine.connect();
    const auto bridge = co_await engine.inspect_network("bridge");
    if (!bridge.gateways.empty()) gateway = bridge.gateways.front();
  } catch (const std::exception& error) {
    problem = error.what();
  }
  if (!problem.empty())
    throw Fatal{fmt::format(
        "running the pipeline takes a Docker Engine, and {} gives none: {}\n(--list, --graph, "
        "--preview and --explain do without)",
        host, problem)};
  if (gateway.empty())
    throw Fatal{
        "the Engine's default bridge has no gateway, at which the jobs' containers could reach "
        "this program"};
  co_return gateway;
}

}  // namespace

asio::awaitable<std::string> engine_gateway() {
  auto asking = ask_gateway();
  co_return co_await util::with_timeout(std::move(asking), engine_limit);
}

}  // namespace slipway::cmd
