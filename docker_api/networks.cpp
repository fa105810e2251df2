#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "docker_api/client_impl.hpp"
#include "docker_api/json.hpp"

namespace slipway::docker_api {

asio::awaitable<std::string> Client::create_network(NetworkSpec spec) {
  constexpr std::string_view call_name = "POST /networks/create";
  Call call{call_name, "/networks/create", limits::change()};
  auto body = to_text(network_body(spec, impl_->version()));
  const auto response = co_await impl_->post_json(std::move(call), std::move(body));
  std::string id;
  decode(call_name, response.body, [&](const nlohmann::json& answer) {
    id = required_text(answer, "Id");
    if (const auto warning = text(answer, "Warning"); !warning.empty())
      spdlog::warn("engine: {} network={}", warning, spec.name);
  });
  co_return id;
}

asio::awaitable<NetworkDetails> Client::inspect_network(std::string id) {
  constexpr std::string_view call_name = "GET /networks/{id}";
  Call call{call_name, fmt::format("/networks/{}", path_segment(call_name, id)), limits::query()};
  const auto response = co_await impl_->transport.send(std::move(call));
  co_return decode_as(call_name, response.body, read_network);
}

asio::awaitable<std::vector<NetworkDetails>> Client::list_networks(
    std::vector<std::string> labels) {
  constexpr std::string_view call_name = "GET /networks";
  Call call{call_name, "/networks?filters=" + net::percent_encode(label_filter(labels)),
            limits::list()};
  const auto response = co_await impl_->transport.send(std::move(call));
  co_return decode_as(call_name, response.body, read_networks);
}

asio::awaitable<void> Client::disconnect_network(std::string network, std::string container,
                                                 bool force) {
  constexpr std::string_view call_name = "POST /networks/{id}/disconnect";
  Call call{call_name, fmt::format("/networks/{}/disconnect", path_segment(call_name, network)),
            limits::change()};
  const nlohmann::json body{{"Container", container}, {"Force", force}};
  auto text = to_text(body);
  co_await impl_->post_json(std::move(call), std::move(text));
}

asio::awaitable<void> Client::remove_network(std::string id) {
  constexpr std::string_view call_name = "DELETE /networks/{id}";
  Call call{call_name, fmt::format("/networks/{}", path_segment(call_name, id)), limits::change()};
  co_await impl_->send_unless_gone(std::move(call));
}

}  // namespace slipway::docker_api
