#include "local/placeholders.hpp"

#include <nlohmann/json.hpp>

namespace slipway::local {

namespace {

void replace_all(std::string& text, const std::map<std::string, std::string>& values) {
  for (const auto& [name, value] : values) {
    for (auto at = text.find(name); at != std::string::npos;
         at = text.find(name, at + value.size()))
      text.replace(at, name.size(), value);
  }
}

void replace_in(nlohmann::json& node, const std::map<std::string, std::string>& values, int depth) {
  constexpr int deepest = 16;
  if (node.is_string()) {
    replace_all(node.get_ref<std::string&>(), values);
  } else if (node.is_structured() && depth < deepest) {
    for (auto& member : node) replace_in(member, values, depth + 1);
  }
}

}  // namespace

void fill_placeholders(nlohmann::json& payload, const std::map<std::string, std::string>& values) {
  for (const auto* field : {"git_info", "variables", "credentials"})
    if (const auto member = payload.find(field); member != payload.end())
      replace_in(*member, values, 0);
}

}  // namespace slipway::local
