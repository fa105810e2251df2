#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "docker_api/client_impl.hpp"
#include "docker_api/json.hpp"
#include "docker_api/path_stat.hpp"

namespace slipway::docker_api {
namespace {

Call archive_call(std::string_view name, const std::string& id, const std::string& path,
                  net::Limits limits) {
  return {name,
          fmt::format("/containers/{}/archive?path={}", path_segment(name, id),
                      net::percent_encode(path)),
          limits};
}

}  // namespace

asio::awaitable<void> Client::put_archive(std::string id, std::string path, std::string tar) {
  auto call = archive_call("PUT /containers/{id}/archive", id, path, limits::archive());
  call.headers.set("Content-Type", "application/x-tar");
  call.body = std::move(tar);
  co_await impl_->transport.send(std::move(call));
}

asio::awaitable<std::optional<Client::PathStat>> Client::stat_path(std::string id,
                                                                   std::string path) {
  constexpr std::string_view call_name = "HEAD /containers/{id}/archive";
  auto call = archive_call(call_name, id, path, limits::query());
  std::optional<net::Response> response;
  try {
    response = co_await impl_->transport.send(std::move(call));
  } catch (const EngineError& e) {
    if (!e.not_found()) throw;
  }
  if (!response) co_return std::nullopt;
  co_return read_path_stat(call_name, response->headers.get("X-Docker-Container-Path-Stat"));
}

asio::awaitable<std::string> Client::get_archive(std::string id, std::string path,
                                                 std::size_t max_bytes) {
  constexpr std::string_view call_name = "GET /containers/{id}/archive";
  auto call = archive_call(call_name, id, path, limits::stream(limits::stream_idle));
  const auto stream = co_await impl_->transport.open(std::move(call));
  auto tar = co_await read_body(impl_->transport, call_name, *stream, max_bytes);
  if (!tar)
    throw EngineError{std::string{call_name}, 0,
                      fmt::format("the archive of {} is above {} bytes", path, max_bytes)};
  co_return std::move(*tar);
}

}  // namespace slipway::docker_api
