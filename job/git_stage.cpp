#include "job/git_stage.hpp"

#include <nlohmann/json.hpp>

namespace slipway::job {
namespace {

using nlohmann::json;
using Pairs = std::vector<std::pair<std::string, std::string>>;

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

/// Every member with its key, once for both directions.
template <class Parameters, class Member>
void each_member(Parameters& p, Member member) {
  member("strategy", p.strategy);
  member("remote_url", p.remote_url);
  member("url_rules", p.url_rules);
  member("credential_origins", p.credential_origins);
  member("project_dir", p.project_dir);
  member("temp_dir", p.temp_dir);
  member("builds_dir", p.builds_dir);
  member("cache_dir", p.cache_dir);
  member("ref", p.ref);
  member("sha", p.sha);
  member("object_format", p.object_format);
  member("refspecs", p.refspecs);
  member("depth", p.depth);
  member("checkout", p.checkout);
  member("clean_flags", p.clean_flags);
  member("fetch_flags", p.fetch_flags);
  member("native_clone", p.native_clone);
  member("clone_flags", p.clone_flags);
  member("submodule_strategy", p.submodule_strategy);
  member("submodule_paths", p.submodule_paths);
  member("submodule_depth", p.submodule_depth);
  member("submodule_update_flags", p.submodule_update_flags);
  member("lfs", p.lfs);
  member("safe_directory", p.safe_directory);
  member("clean_git_config", p.clean_git_config);
  member("global_tls", p.global_tls);
  member("bundle_uris", p.bundle_uris);
  member("proactive_auth", p.proactive_auth);
  member("user_agent", p.user_agent);
  member("correlation_id", p.correlation_id);
  member("tls_origins", p.tls_origins);
  member("ca_file", p.ca_file);
  member("certificate_file", p.certificate_file);
  member("key_file", p.key_file);
  member("variables", p.variables);
  member("files", p.files);
  member("pre_script", p.pre_script);
  member("post_script", p.post_script);
}

void put(json& out, const char* key, const Pairs& pairs) {
  auto& list = out[key] = json::array();
  for (const auto& [first, second] : pairs) list.push_back(json::array({first, second}));
}

template <class T>
void put(json& out, const char* key, const T& value) {
  out[key] = value;
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
  out = json::object();
  each_member(p, [&out](const char* key, const auto& value) { put(out, key, value); });
}

void from_json(const json& in, GetSourcesParameters& p) {
  expect_object(in);
  p = {};
  each_member(p, [&in](const char* key, auto& value) { read(in, key, value); });
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
