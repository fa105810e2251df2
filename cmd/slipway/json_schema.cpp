#include "cmd/slipway/json_schema.hpp"

#include <nlohmann/json.hpp>
#include <string>

#include "config/allowed.hpp"
#include "config/schema.hpp"

namespace slipway::cmd {

namespace {

using config::Kind;
using nlohmann::json;

json table_schema(const std::string& path);

json list_of(json items) {
  return {{"type", "array"}, {"items", std::move(items)}};
}

json map_of(json values) {
  return {{"type", "object"}, {"additionalProperties", std::move(values)}};
}

json string_schema(const std::string& path) {
  json schema{{"type", "string"}};
  // Letters of any case would have to be listed one by one.
  if (const auto* allowed = config::find_allowed(path); allowed && !allowed->any_case) {
    auto values = json::array({""});
    for (const auto word : config::words_of(*allowed)) values.push_back(word);
    schema["enum"] = std::move(values);
  }
  return schema;
}

json key_schema(const config::Key& key, const std::string& path) {
  const json text{{"type", "string"}};
  switch (key.kind) {
    case Kind::integer:
      return {{"type", "integer"}};
    case Kind::boolean:
      return {{"type", "boolean"}};
    case Kind::string:
      return string_schema(path);
    case Kind::duration:
      return {{"type", json::array({"string", "integer"})},
              {"pattern", "^[-+]?([0-9.]+(ns|us|µs|ms|s|m|h))+$|^0$"}};
    case Kind::time:
      return {{"type", "string"}, {"format", "date-time"}};
    case Kind::real_list:
      return list_of({{"type", "number"}});
    case Kind::string_list:
      return list_of(string_schema(path));
    case Kind::string_or_list:
      return {{"anyOf", json::array({string_schema(path), list_of(string_schema(path))})}};
    case Kind::table:
      return table_schema(path);
    case Kind::table_list:
      return list_of(table_schema(path));
    case Kind::string_map:
      return map_of(text);
    case Kind::bool_map:
      return map_of({{"type", "boolean"}});
    case Kind::list_map:
      return map_of(list_of(text));
    case Kind::integer_map:
      return map_of({{"type", "integer"}});
    case Kind::anything:
      return json::object();
  }
  return json::object();
}

json table_schema(const std::string& path) {
  auto properties = json::object();
  if (const auto* table = config::find_table(path))
    for (const auto& key : table->keys)
      properties[key.name] = key_schema(key, path.empty() ? key.name : path + "." + key.name);
  return {{"type", "object"}, {"properties", std::move(properties)}};
}

}  // namespace

json json_schema() {
  auto schema = table_schema("");
  schema["$schema"] = "http://json-schema.org/draft-07/schema#";
  schema["title"] = "config.toml of slipway and GitLab Runner";
  return schema;
}

}  // namespace slipway::cmd
