#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "docker_api/types.hpp"

namespace slipway::docker_api {

/// Members of an answer's object; absent and null ones read as empty. \throws
/// nlohmann::json::exception for another type.
const nlohmann::json& member(const nlohmann::json& object, const char* key);
bool flag(const nlohmann::json& object, const char* key);
std::vector<std::string> keys(const nlohmann::json& object, const char* key);
Labels labels(const nlohmann::json& object, const char* key);
/// The items of a list; none for null.
const std::vector<nlohmann::json>& each(const nlohmann::json& list);

template <class T>
std::vector<T> read_each(const nlohmann::json& list, T (*read)(const nlohmann::json&)) {
  std::vector<T> items;
  for (const auto& item : each(list)) items.push_back(read(item));
  return items;
}

}  // namespace slipway::docker_api
