#include "local/ci/read_parts.hpp"
#include "local/ci/read_variables.hpp"

namespace slipway::local::ci {
namespace {

std::vector<std::string> read_pull_policy(const Field& field) {
  const auto read_one = [](const Field& item) {
    return item.one_of({"always", "if-not-present", "never"});
  };
  if (!field.is_list()) return {read_one(field)};
  std::vector<std::string> result;
  for (const auto& item : field.items()) result.push_back(read_one(item));
  if (result.empty()) field.fail("should not be empty");
  return result;
}

/// A user's name or number.
std::string read_user(const Field& field) {
  if (field.node().kind() == yaml::Kind::integer) return field.node().text();
  auto user = field.text();
  constexpr std::size_t max_user = 255;
  if (user.size() > max_user) field.fail("should not be longer than 255 characters");
  return user;
}

/// What an image and a service have in common.
void read_common(const Field& field, ImageSpec& image) {
  const auto name = field.find("name");
  if (!name) field.fail("name is missing");
  image.name = name->text();
  if (const auto entrypoint = field.find("entrypoint")) {
    std::vector<std::string> words;
    for (const auto& word : entrypoint->items()) words.push_back(word.string());
    if (words.empty()) entrypoint->fail("should not be empty");
    image.entrypoint = std::move(words);
  }
  if (const auto docker = field.find("docker")) {
    docker->only_keys({"platform", "user"});
    if (const auto platform = docker->find("platform")) image.docker_platform = platform->text();
    if (const auto user = docker->find("user")) image.docker_user = read_user(*user);
  }
  if (const auto kubernetes = field.find("kubernetes")) {
    kubernetes->only_keys({"user"});
    if (const auto user = kubernetes->find("user")) image.kubernetes_user = read_user(*user);
  }
  if (const auto policy = field.find("pull_policy")) image.pull_policy = read_pull_policy(*policy);
}

ImageSpec read_service(const Field& field) {
  ImageSpec service;
  if (!field.is_mapping()) {
    if (!field.node().is_string()) field.expected("a string or a mapping");
    service.name = field.text();
    return service;
  }
  field.only_keys({"name", "entrypoint", "command", "alias", "docker", "kubernetes", "pull_policy",
                   "variables"});
  read_common(field, service);
  if (const auto command = field.find("command")) service.command = command->script();
  if (const auto alias = field.find("alias")) service.alias = alias->text();
  if (const auto variables = field.find("variables"))
    service.variables = read_variables(*variables, VariablesOf::service);
  return service;
}

}  // namespace

ImageSpec read_image(const Field& field) {
  ImageSpec image;
  if (!field.is_mapping()) {
    if (!field.node().is_string()) field.expected("a string or a mapping");
    image.name = field.text();
    return image;
  }
  field.only_keys({"name", "entrypoint", "docker", "kubernetes", "pull_policy"});
  read_common(field, image);
  return image;
}

std::vector<ImageSpec> read_services(const Field& field) {
  std::vector<ImageSpec> result;
  if (field.is_null()) return result;
  if (!field.is_list()) field.expected("a list of services");
  for (const auto& item : field.items()) {
    if (item.is_list()) {
      for (auto& service : read_services(item)) result.push_back(std::move(service));
    } else {
      result.push_back(read_service(item));
    }
  }
  return result;
}

}  // namespace slipway::local::ci
