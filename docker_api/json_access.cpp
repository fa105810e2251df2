#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "docker_api/error.hpp"
#include "docker_api/json.hpp"
#include "docker_api/json_members.hpp"

namespace slipway::docker_api {

using nlohmann::json;

void decode(std::string_view call, std::string_view body,
            const std::function<void(const json&)>& read) {
  const auto answer = json::parse(body, nullptr, false);
  std::string problem = "not JSON";
  if (!answer.is_discarded()) {
    try {
      read(answer);
      return;
    } catch (const json::exception& e) {
      problem = e.what();
    }
  }
  throw EngineError{std::string{call}, 0,
                    fmt::format("unexpected answer to {}: {}", call, problem)};
}

void check_progress(std::string_view call, const json& object) {
  const auto& detail = member(object, "errorDetail");
  auto message = text(detail, "message");
  if (message.empty()) message = text(object, "error");
  if (message.empty() && detail.is_null()) return;
  throw EngineError{std::string{call}, 200, message.empty() ? "unknown error" : message};
}

std::string to_text(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

const json& member(const json& object, const char* key) {
  static const json absent;
  if (object.is_null()) return absent;
  const auto& members = object.get_ref<const json::object_t&>();
  const auto found = members.find(key);
  return found == members.end() ? absent : found->second;
}

std::string text(const json& object, const char* key) {
  const auto& value = member(object, key);
  return value.is_null() ? std::string{} : value.get<std::string>();
}

std::string required_text(const json& object, const char* key) {
  auto value = object.at(key).get<std::string>();
  if (value.empty()) throw json::other_error::create(501, fmt::format("{} is empty", key), &object);
  return value;
}

std::int64_t number(const json& object, const char* key) {
  const auto& value = member(object, key);
  if (value.is_null()) return 0;
  // A floating-point value may lie outside of the integer's range.
  if (!value.is_number_integer())
    throw json::type_error::create(302, fmt::format("{} is not an integer", key), &value);
  return value.get<std::int64_t>();
}

bool flag(const json& object, const char* key) {
  const auto& value = member(object, key);
  return !value.is_null() && value.get<bool>();
}

std::vector<std::string> texts(const json& object, const char* key) {
  const auto& value = member(object, key);
  if (value.is_null()) return {};
  if (value.is_string()) return {value.get<std::string>()};
  return value.get<std::vector<std::string>>();
}

std::vector<std::string> keys(const json& object, const char* key) {
  std::vector<std::string> names;
  const auto& value = member(object, key);
  if (value.is_null()) return names;
  for (const auto& [name, unused] : value.get_ref<const json::object_t&>()) names.push_back(name);
  return names;
}

Labels labels(const json& object, const char* key) {
  const auto& value = member(object, key);
  return value.is_null() ? Labels{} : value.get<Labels>();
}

const std::vector<json>& each(const json& list) {
  static const std::vector<json> none;
  return list.is_null() ? none : list.get_ref<const json::array_t&>();
}

}  // namespace slipway::docker_api
