#pragma once

#include <nlohmann/json.hpp>

/// What the parameters of helper stages have in common when they are read from JSON.
namespace slipway::job::stage_json {

/// A missing member leaves the default. \throws nlohmann::json::exception for one of the wrong
/// kind.
template <class T>
void read(const nlohmann::json& in, const char* key, T& value) {
  const auto member = in.find(key);
  if (member != in.end()) member->get_to(value);
}

/// \throws nlohmann::json::exception if `in` is no object.
inline void expect_object(const nlohmann::json& in) {
  static_cast<void>(in.get_ref<const nlohmann::json::object_t&>());
}

}  // namespace slipway::job::stage_json
