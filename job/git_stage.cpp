#include "job/git_stage.hpp"

#include <nlohmann/json.hpp>

namespace slipway::job {
namespace {

using nlohmann::json;

/// A missing member leaves the default.
template <class T>
void read(const json& in, const char* key, T& value) {
  const auto member = in.find(key);
  if (member != in.end()) member->get_to(value);
}

/// \throws json::type_error if `in` is no object.
void expect_object(const json& in) {
  static_cast<void>(in.get_ref<const json::object_t&>());
}

void to_json(json& out, const ServiceCheck& check) {
  out = {{"name", check.name},
         {"addresses", check.addresses},
         {"ports", check.ports},
         {"dind", check.dind},
         {"dind_tls", check.dind_tls},
         {"cert_dir", check.cert_dir},
         {"unix_socket", check.unix_socket}};
}

ServiceCheck to_check(const json& in) {
  expect_object(in);
  ServiceCheck check;
  read(in, "name", check.name);
  read(in, "addresses", check.addresses);
  read(in, "ports", check.ports);
  read(in, "dind", check.dind);
  read(in, "dind_tls", check.dind_tls);
  read(in, "cert_dir", check.cert_dir);
  read(in, "unix_socket", check.unix_socket);
  return check;
}

}  // namespace

void to_json(json& out, const GetSourcesParameters& p) {
  out = {{"strategy", p.strategy},
         {"remote_url", p.remote_url},
         {"authenticated_url", p.authenticated_url},
         {"project_dir", p.project_dir},
         {"temp_dir", p.temp_dir},
         {"ref", p.ref},
         {"sha", p.sha},
         {"object_format", p.object_format},
         {"refspecs", p.refspecs},
         {"depth", p.depth},
         {"checkout", p.checkout},
         {"clean_flags", p.clean_flags},
         {"fetch_flags", p.fetch_flags},
         {"safe_directory", p.safe_directory},
         {"clean_git_config", p.clean_git_config},
         {"user_agent", p.user_agent},
         {"correlation_id", p.correlation_id},
         {"ca_file", p.ca_file},
         {"pre_script", p.pre_script},
         {"post_script", p.post_script}};
  auto& variables = out["variables"] = json::array();
  for (const auto& [key, value] : p.variables) variables.push_back(json::array({key, value}));
}

void from_json(const json& in, GetSourcesParameters& p) {
  expect_object(in);
  p = {};
  read(in, "strategy", p.strategy);
  read(in, "remote_url", p.remote_url);
  read(in, "authenticated_url", p.authenticated_url);
  read(in, "project_dir", p.project_dir);
  read(in, "temp_dir", p.temp_dir);
  read(in, "ref", p.ref);
  read(in, "sha", p.sha);
  read(in, "object_format", p.object_format);
  read(in, "refspecs", p.refspecs);
  read(in, "depth", p.depth);
  read(in, "checkout", p.checkout);
  read(in, "clean_flags", p.clean_flags);
  read(in, "fetch_flags", p.fetch_flags);
  read(in, "safe_directory", p.safe_directory);
  read(in, "clean_git_config", p.clean_git_config);
  read(in, "user_agent", p.user_agent);
  read(in, "correlation_id", p.correlation_id);
  read(in, "ca_file", p.ca_file);
  read(in, "variables", p.variables);
  read(in, "pre_script", p.pre_script);
  read(in, "post_script", p.post_script);
}

void to_json(json& out, const ServiceHealthParameters& parameters) {
  auto services = json::array();
  for (const auto& check : parameters.services) {
    json entry;
    to_json(entry, check);
    services.push_back(std::move(entry));
  }
  out = {{"services", std::move(services)}, {"timeout_seconds", parameters.timeout_seconds}};
}

void from_json(const json& in, ServiceHealthParameters& parameters) {
  expect_object(in);
  parameters = {};
  read(in, "timeout_seconds", parameters.timeout_seconds);
  const auto services = in.find("services");
  if (services == in.end()) return;
  for (const auto& entry : *services) parameters.services.push_back(to_check(entry));
}

void to_json(json& out, const ServiceHealthResult& result) {
  out = {{"errors", result.errors}};
}

void from_json(const json& in, ServiceHealthResult& result) {
  expect_object(in);
  result = {};
  read(in, "errors", result.errors);
}

}  // namespace slipway::job
