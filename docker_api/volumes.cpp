#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "docker_api/client_impl.hpp"
#include "docker_api/json.hpp"

namespace slipway::docker_api {

asio::awaitable<VolumeDetails> Client::create_volume(std::string name, Labels labels,
                                                     std::string driver,
                                                     std::map<std::string, std::string> options) {
  constexpr std::string_view call_name = "POST /volumes/create";
  nlohmann::json body{{"Labels", labels}};
  if (!name.empty()) body["Name"] = name;
  if (!driver.empty()) body["Driver"] = driver;
  if (!options.empty()) body["DriverOpts"] = options;
  Call call{call_name, "/volumes/create", limits::change()};
  auto text = to_text(body);
  const auto response = co_await impl_->post_json(std::move(call), std::move(text));
  co_return decode_as(call_name, response.body, read_volume);
}

asio::awaitable<std::vector<VolumeDetails>> Client::list_volumes(std::vector<std::string> labels) {
  constexpr std::string_view call_name = "GET /volumes";
  Call call{call_name, "/volumes?filters=" + net::percent_encode(label_filter(labels)),
            limits::list()};
  const auto response = co_await impl_->transport.send(std::move(call));
  co_return decode_as(call_name, response.body, read_volumes);
}

asio::awaitable<void> Client::remove_volume(std::string name, bool force) {
  constexpr std::string_view call_name = "DELETE /volumes/{name}";
  Call call{call_name, fmt::format("/volumes/{}?force={:d}", path_segment(call_name, name), force),
            limits::change()};
  co_await impl_->send_unless_gone(std::move(call));
}

}  // namespace slipway::docker_api
