#include "executors/docker/registry_credentials.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "executors/docker/image_name.hpp"
#include "net/text.hpp"

namespace slipway::executors::docker {

namespace {

using nlohmann::json;

constexpr std::size_t most_entries = 10'000;
constexpr std::size_t longest_name = 255;
constexpr std::size_t longest_key = 4u << 10;
/// Each secret is looked for in the whole log, and kept for as long as the job is.
constexpr std::size_t longest_text = 64u << 10;
constexpr auto token_user = "<token>";

/// The parser's own words would quote what stands there.
json parse_object(std::string_view text, std::string_view what) {
  auto value = json::parse(text, nullptr, false);
  if (value.is_discarded()) throw BadClientConfig{fmt::format("{} is not valid JSON", what)};
  if (!value.is_object()) throw BadClientConfig{fmt::format("{} is not a JSON object", what)};
  if (value.size() > most_entries)
    throw BadClientConfig{fmt::format("{} has more than {} entries", what, most_entries)};
  return value;
}

const json* member(const json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

bool is_control(unsigned char c) {
  return c < ' ' || c == 0x7f;
}

/// A registry without the user and password that an address may hold.
std::string shown(std::string_view registry) {
  if (const auto at = registry.rfind('@'); at != std::string_view::npos)
    registry.remove_prefix(at + 1);
  std::string text{registry.substr(0, longest_name)};
  std::replace_if(text.begin(), text.end(), is_control, '?');
  return text;
}

const json& object_member(const json& object, const char* key) {
  static const auto none = json::object();
  const auto* found = member(object, key);
  if (found == nullptr) return none;
  if (!found->is_object()) throw BadClientConfig{fmt::format("`{}` is not a JSON object", key)};
  if (found->size() > most_entries)
    throw BadClientConfig{fmt::format("`{}` has more than {} entries", key, most_entries)};
  for (const auto& [name, value] : found->items()) {
    if (name.size() > longest_key)
      throw BadClientConfig{
          fmt::format("`{}` names a registry by more than {} bytes", key, longest_key)};
    // A helper might take a second line for the registry that it is asked for.
    if (std::any_of(name.begin(), name.end(), is_control))
      throw BadClientConfig{fmt::format("`{}` names no registry: {}", key, shown(name))};
  }
  return *found;
}

std::string text_member(const json& object, const char* key, std::string_view registry) {
  const auto* found = member(object, key);
  if (found == nullptr) return "";
  if (!found->is_string())
    throw BadClientConfig{fmt::format("`{}` of {} is not a text", key, shown(registry))};
  auto text = found->get<std::string>();
  if (text.size() > longest_text)
    throw BadClientConfig{
        fmt::format("`{}` of {} is longer than {} bytes", key, shown(registry), longest_text)};
  return text;
}

/// Helpers are programs in PATH: their name must not lead anywhere else.
std::string helper_name(const json& value) {
  if (!value.is_string()) throw BadClientConfig{"the name of a credential helper is not a text"};
  auto name = value.get<std::string>();
  if (name.find('/') != std::string::npos) throw PathTraversal{};
  const bool plain =
      name.size() <= longest_name &&
      std::all_of(name.begin(), name.end(), [](unsigned char c) { return c > ' ' && c != 0x7f; });
  if (!plain) throw BadClientConfig{"the name of a credential helper is no file name"};
  return name;
}

/// `user:password` in base64.
void read_auth(const std::string& encoded, std::string_view registry,
               docker_api::RegistryAuth& auth) {
  const auto decoded = docker_api::decode_padded_base64(encoded);
  if (!decoded)
    throw BadClientConfig{fmt::format("`auth` of {} is not valid base64", shown(registry))};
  const auto colon = decoded->find(':');
  if (colon == 0 || colon == std::string::npos)
    throw BadClientConfig{fmt::format("`auth` of {} holds no user and password", shown(registry))};
  auth.username = decoded->substr(0, colon);
  std::string_view password = std::string_view{*decoded}.substr(colon + 1);
  while (password.starts_with('\0')) password.remove_prefix(1);
  while (password.ends_with('\0')) password.remove_suffix(1);
  auth.password = util::Secret{std::string{password}};
}

RegistryEntry read_entry(const std::string& key, const json& value) {
  if (!value.is_object())
    throw BadClientConfig{fmt::format("the entry of {} is not a JSON object", shown(key))};
  RegistryEntry entry{key, {}, ""};
  auto& auth = entry.auth;
  auth.username = text_member(value, "username", key);
  auth.password = util::Secret{text_member(value, "password", key)};
  auth.identity_token = util::Secret{text_member(value, "identitytoken", key)};
  auth.registry_token = util::Secret{text_member(value, "registrytoken", key)};
  auth.server_address = key;
  const auto encoded = text_member(value, "auth", key);
  if (!encoded.empty()) read_auth(encoded, key, auth);
  return entry;
}

std::string lower_host(std::string_view text) {
  const auto slash = std::min(text.find('/'), text.size());
  std::string host{text.substr(0, slash)};
  std::transform(host.begin(), host.end(), host.begin(), net::lower);
  if (host == "index.docker.io") host = "docker.io";
  return host.append(text.substr(slash));
}

}  // namespace

PathTraversal::PathTraversal()
    : std::runtime_error{
          "the name of a credential helper holds a slash: path traversal is not "
          "allowed"} {}

std::map<std::string, RegistryEntry> ClientConfig::entries(
    const std::vector<std::string>& stored) const {
  auto all = auths;
  for (const auto& key : stored)
    all.insert_or_assign(registry_path_of_key(key), RegistryEntry{key, {}, store});
  for (const auto& [key, helper] : helpers)
    all.insert_or_assign(registry_path_of_key(key), RegistryEntry{key, {}, helper});
  return all;
}

ClientConfig parse_client_config(std::string_view text) {
  const auto object = parse_object(text, "the configuration");
  ClientConfig config;
  // First, since nothing else may hide it.
  if (const auto* store = member(object, "credsStore")) config.store = helper_name(*store);
  for (const auto& [key, value] : object_member(object, "credHelpers").items()) {
    const auto name = helper_name(value);
    if (!name.empty()) config.helpers.emplace(key, name);
  }
  for (const auto& [key, value] : object_member(object, "auths").items())
    config.auths.emplace(registry_path_of_key(key), read_entry(key, value));
  return config;
}

std::vector<std::string> parse_helper_list(std::string_view output) {
  const auto object = parse_object(output, "its list");
  std::vector<std::string> registries;
  for (const auto& [key, value] : object.items()) registries.push_back(key);
  return registries;
}

docker_api::RegistryAuth parse_helper_answer(std::string_view output, const std::string& key) {
  const auto object = parse_object(output, "its answer");
  docker_api::RegistryAuth auth;
  auth.server_address = key;
  auto user = text_member(object, "Username", key);
  util::Secret secret{text_member(object, "Secret", key)};
  if (user == token_user) {
    auth.identity_token = std::move(secret);
  } else {
    auth.username = std::move(user);
    auth.password = std::move(secret);
  }
  return auth;
}

std::string registry_path_of_key(std::string_view key) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!key.starts_with(scheme)) continue;
    key.remove_prefix(scheme.size());
    return lower_host(key.substr(0, key.find('/')));
  }
  if (key.ends_with('/')) key.remove_suffix(1);
  const auto slash = key.rfind('/');
  const auto colon = key.rfind(':');
  if (slash != std::string_view::npos && colon != std::string_view::npos && colon > slash)
    key = key.substr(0, colon);
  return lower_host(key);
}

std::vector<std::string> registry_paths_of_image(std::string_view image) {
  const auto name = parse_image_name(image);
  if (!name) return {};
  const auto first = std::string_view{name->repository}.substr(0, name->repository.find('/'));
  const bool has_host =
      first.size() < name->repository.size() &&
      (first.find_first_of(".:") != std::string_view::npos || first == "localhost");
  auto path = lower_host(has_host ? name->repository : "docker.io/" + name->repository);
  std::vector<std::string> paths{path};
  while (true) {
    const auto slash = path.rfind('/');
    if (slash == std::string::npos) return paths;
    path.resize(slash);
    paths.push_back(path);
  }
}

}  // namespace slipway::executors::docker
