#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "docker_api/client_impl.hpp"
#include "docker_api/file_source.hpp"
#include "docker_api/json.hpp"

namespace slipway::docker_api {
namespace {

/// The Engine quotes what it could not decode.
EngineError without_secret(const EngineError& error, const std::string& secret) {
  auto message = error.message();
  for (auto at = message.find(secret); at != std::string::npos; at = message.find(secret, at))
    message.replace(at, secret.size(), "[MASKED]");
  return EngineError{error.call(), error.status(), std::move(message)};
}

}  // namespace

asio::awaitable<ImageDetails> Client::inspect_image(std::string name, std::string platform) {
  constexpr std::string_view call_name = "GET /images/{name}/json";
  auto target = fmt::format("/images/{}/json", image_path(call_name, name));
  if (!platform.empty() && supports(1, 49))
    target += "?platform=" + net::percent_encode(to_text(platform_object(platform)));
  Call call{call_name, std::move(target), limits::query()};
  const auto response = co_await impl_->transport.send(std::move(call));
  co_return decode_as(call_name, response.body, read_image);
}

asio::awaitable<void> Client::pull_image(std::string repository, std::string tag,
                                         std::string platform, std::string registry_auth,
                                         std::function<void(const PullProgress&)> progress) {
  auto target = fmt::format("/images/create?fromImage={}&tag={}", net::percent_encode(repository),
                            net::percent_encode(tag));
  if (!platform.empty()) target += "&platform=" + net::percent_encode(platform);
  Call call{"POST /images/create", std::move(target), limits::pull()};
  if (!registry_auth.empty()) call.headers.set("X-Registry-Auth", registry_auth);
  std::optional<EngineError> failure;
  try {
    co_await impl_->read_progress_stream(std::move(call), nullptr, std::move(progress));
  } catch (const EngineError& e) {
    if (registry_auth.empty()) throw;
    failure = without_secret(e, registry_auth);
  }
  if (failure) throw *failure;
}

asio::awaitable<void> Client::import_image(std::string path, std::string repository,
                                           std::string tag, std::vector<std::string> changes) {
  FileSource archive{std::move(path)};
  // As one name: Podman does not look at `tag`.
  auto target = "/images/create?fromSrc=-&repo=" + net::percent_encode(repository + ":" + tag);
  for (const auto& change : changes) target += "&changes=" + net::percent_encode(change);
  Call call{"POST /images/create", std::move(target), limits::upload()};
  call.headers.set("Content-Type", "application/x-tar");
  std::function<void(const PullProgress&)> ignored;
  co_await impl_->read_progress_stream(std::move(call), &archive, std::move(ignored));
}

asio::awaitable<std::vector<ImageRemoval>> Client::remove_image(std::string name, bool force) {
  constexpr std::string_view call_name = "DELETE /images/{name}";
  Call call{call_name,
            fmt::format("/images/{}?force={:d}&noprune=1", image_path(call_name, name), force),
            limits::change()};
  const auto response = co_await impl_->transport.send(std::move(call));
  co_return decode_as(call_name, response.body, read_removals);
}

}  // namespace slipway::docker_api
