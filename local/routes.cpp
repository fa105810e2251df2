#include "local/routes.hpp"

#include <charconv>
#include <string_view>

namespace slipway::local {

namespace {

struct FixedRoute {
  std::string_view method;
  std::string_view path;
  Endpoint endpoint;
};

constexpr FixedRoute fixed_routes[] = {
    {"POST", "runners", Endpoint::register_runner},
    {"DELETE", "runners", Endpoint::unregister_runner},
    {"POST", "runners/verify", Endpoint::verify_runner},
    {"DELETE", "runners/managers", Endpoint::unregister_manager},
    {"POST", "runners/reset_authentication_token", Endpoint::reset_token},
    {"POST", "jobs/request", Endpoint::request_job},
};

/// Below jobs/<id>.
constexpr FixedRoute job_routes[] = {
    {"PUT", "", Endpoint::update_job},
    {"PATCH", "/trace", Endpoint::patch_trace},
    {"POST", "/artifacts", Endpoint::upload_artifacts},
    {"GET", "/artifacts", Endpoint::download_artifacts},
};

std::optional<Route> find_job_route(std::string_view method, std::string_view rest) {
  std::int64_t id = 0;
  const auto parsed = std::from_chars(rest.data(), rest.data() + rest.size(), id);
  if (parsed.ec != std::errc{} || id <= 0) return std::nullopt;
  rest.remove_prefix(static_cast<std::size_t>(parsed.ptr - rest.data()));
  for (const auto& route : job_routes)
    if (route.method == method && route.path == rest) return Route{route.endpoint, id, {}};
  return std::nullopt;
}

}  // namespace

std::optional<Route> find_route(const net::Request& request) {
  constexpr std::string_view base = "/api/v4/";
  constexpr std::string_view jobs = "jobs/";
  std::string_view path = request.target;
  path = path.substr(0, path.find('?'));
  if (path.starts_with(base)) {
    path.remove_prefix(base.size());
    for (const auto& route : fixed_routes)
      if (route.method == request.method && route.path == path) return Route{route.endpoint, 0, {}};
    if (path.starts_with(jobs)) return find_job_route(request.method, path.substr(jobs.size()));
    return std::nullopt;
  }
  auto git = parse_git_request(request);
  if (!git) return std::nullopt;
  const auto endpoint = git->advertise ? Endpoint::git_refs : Endpoint::git_upload_pack;
  return Route{endpoint, 0, std::move(*git)};
}

bool takes_json(Endpoint endpoint) {
  switch (endpoint) {
    case Endpoint::patch_trace:
    case Endpoint::upload_artifacts:
    case Endpoint::download_artifacts:
    case Endpoint::git_refs:
    case Endpoint::git_upload_pack:
      return false;
    default:
      return true;
  }
}

}  // namespace slipway::local
