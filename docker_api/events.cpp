#include <nlohmann/json.hpp>
#include <utility>

#include "docker_api/client_impl.hpp"
#include "docker_api/json.hpp"
#include "net/error.hpp"

namespace slipway::docker_api {

asio::awaitable<void> Client::watch_events(std::vector<std::string> labels,
                                           std::function<void(const EngineEvent&)> sink) {
  constexpr std::string_view call_name = "GET /events";
  Call call{call_name, "/events?filters=" + net::percent_encode(label_filter(labels)),
            limits::stream(limits::forever)};
  const auto stream = co_await impl_->transport.open(std::move(call));
  std::function<void(const nlohmann::json&)> each = [&](const nlohmann::json& object) {
    sink(read_event(object));
  };
  co_await read_objects(impl_->transport, call_name, *stream, std::move(each));
  throw net::Error{net::Step::receive, "GET /events: the Engine ended the stream of events"};
}

}  // namespace slipway::docker_api
