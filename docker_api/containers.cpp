#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "docker_api/client_impl.hpp"
#include "docker_api/json.hpp"
#include "util/async.hpp"

namespace slipway::docker_api {
namespace {

using namespace std::chrono_literals;

constexpr auto first_poll = 50ms;
constexpr std::chrono::milliseconds last_poll = 1s;

Call on_container(std::string_view name, const std::string& id, std::string_view rest,
                  net::Limits limits) {
  return {name, fmt::format("/containers/{}{}", path_segment(name, id), rest), limits};
}

bool is_removal_in_progress(const EngineError& error) {
  return error.conflict() && error.message().find("already in progress") != std::string::npos;
}

/// Waits until another caller's removal of the container is done; false if it takes too long.
asio::awaitable<bool> wait_until_gone(Client& client, std::string id) {
  const auto deadline = std::chrono::steady_clock::now() + limits::patience().removal;
  std::chrono::milliseconds pause = first_poll;
  while (std::chrono::steady_clock::now() < deadline) {
    try {
      co_await client.inspect_container(id);
    } catch (const EngineError& e) {
      if (!e.not_found()) throw;
      co_return true;
    }
    co_await util::sleep_for(pause);
    pause = std::min(2 * pause, last_poll);
  }
  co_return false;
}

}  // namespace

asio::awaitable<std::string> Client::create_container(ContainerSpec spec) {
  constexpr std::string_view call_name = "POST /containers/create";
  std::string target = "/containers/create";
  if (!spec.name.empty()) target += "?name=" + net::percent_encode(spec.name);
  if (!spec.platform.empty() && supports(1, 41))
    target += fmt::format("{}platform={}", spec.name.empty() ? '?' : '&',
                          net::percent_encode(spec.platform));
  Call call{call_name, std::move(target), limits::change()};
  auto body = to_text(container_body(spec, impl_->version()));
  const auto response = co_await impl_->post_json(std::move(call), std::move(body));
  std::string id;
  decode(call_name, response.body, [&](const nlohmann::json& answer) {
    id = required_text(answer, "Id");
    for (const auto& warning : texts(answer, "Warnings"))
      spdlog::warn("engine: {} container={}", warning, spec.name);
  });
  co_return id;
}

asio::awaitable<void> Client::start_container(std::string id) {
  auto call = on_container("POST /containers/{id}/start", id, "/start", limits::change());
  co_await impl_->transport.send(std::move(call));
}

asio::awaitable<WaitResult> Client::wait_container(std::string id, std::string condition) {
  constexpr std::string_view call_name = "POST /containers/{id}/wait";
  auto call = on_container(call_name, id, "/wait?condition=" + net::percent_encode(condition),
                           limits::stream(limits::forever));
  const auto stream = co_await impl_->transport.open(std::move(call));
  const auto body = co_await read_body(impl_->transport, call_name, *stream, limits::max_error);
  if (!body || body->empty())
    throw EngineError{std::string{call_name}, 0,
                      fmt::format("unexpected answer to {}: {}", call_name,
                                  body ? "it is empty" : "it is too long")};
  co_return decode_as(call_name, *body, read_wait);
}

asio::awaitable<void> Client::kill_container(std::string id, std::string signal) {
  auto call = on_container("POST /containers/{id}/kill", id,
                           "/kill?signal=" + net::percent_encode(signal), limits::change());
  co_await impl_->transport.send(std::move(call));
}

asio::awaitable<void> Client::stop_container(std::string id, std::optional<int> seconds) {
  const auto query = seconds ? fmt::format("/stop?t={}", *seconds) : std::string{"/stop"};
  const std::chrono::seconds grace{std::max(seconds.value_or(0), 0)};
  auto call = on_container("POST /containers/{id}/stop", id, query, limits::change(grace));
  co_await impl_->transport.send(std::move(call));
}

asio::awaitable<void> Client::remove_container(std::string id, bool force, bool v) {
  auto call = on_container("DELETE /containers/{id}", id,
                           fmt::format("?force={:d}&v={:d}", force, v), limits::change());
  std::optional<EngineError> conflict;
  try {
    co_await impl_->send_unless_gone(std::move(call));
  } catch (const EngineError& e) {
    if (!is_removal_in_progress(e)) throw;
    conflict = e;
  }
  if (!conflict) co_return;
  const bool gone = co_await wait_until_gone(*this, id);
  if (!gone) throw *conflict;
}

asio::awaitable<ContainerDetails> Client::inspect_container(std::string id) {
  constexpr std::string_view call_name = "GET /containers/{id}/json";
  auto call = on_container(call_name, id, "/json", limits::query());
  const auto response = co_await impl_->transport.send(std::move(call));
  co_return decode_as(call_name, response.body, read_container);
}

asio::awaitable<std::vector<ContainerSummary>> Client::list_containers(
    std::vector<std::string> labels) {
  constexpr std::string_view call_name = "GET /containers/json";
  Call call{call_name,
            "/containers/json?all=1&filters=" + net::percent_encode(label_filter(labels)),
            limits::list()};
  const auto response = co_await impl_->transport.send(std::move(call));
  co_return decode_as(call_name, response.body, read_containers);
}

}  // namespace slipway::docker_api
