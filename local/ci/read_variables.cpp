#include "local/ci/read_variables.hpp"

#include <algorithm>
#include <cctype>

namespace slipway::local::ci {
namespace {

void check_key(const Field& field, const yaml::Entry& entry) {
  if (entry.key_kind == yaml::Kind::boolean || entry.key_kind == yaml::Kind::null)
    throw yaml::Error{
        entry.mark, field.path() + ": '" + entry.key + "' is read as " +
                        std::string{entry.key_kind == yaml::Kind::null ? "nothing" : "a boolean"} +
                        "; put the name in quotes"};
  const bool ok = !entry.key.empty() && std::all_of(entry.key.begin(), entry.key.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
  });
  if (!ok)
    throw yaml::Error{entry.mark, field.path() + ": '" + entry.key +
                                      "' is no name of a variable (letters, digits and _ only)"};
}

void read_options(const Field& options, VariableSpec& variable) {
  for (const auto& item : options.items()) variable.options.push_back(item.scalar());
  if (variable.options.empty()) options.fail("should not be empty");
  if (std::find(variable.options.begin(), variable.options.end(), variable.value) ==
      variable.options.end())
    options.fail("the value '" + variable.value + "' is not among them");
}

VariableSpec read_variable(const Field& field, VariablesOf owner) {
  VariableSpec variable;
  variable.mark = field.mark();
  if (!field.is_mapping()) {
    if (field.is_null() || !field.node().is_scalar())
      field.expected(owner == VariablesOf::rule ? "a string, number or boolean"
                                                : "a string, number or boolean, or a mapping");
    variable.value = field.node().text();
    return variable;
  }
  if (owner == VariablesOf::rule || owner == VariablesOf::service)
    field.expected("a string, number or boolean");
  if (owner == VariablesOf::root) {
    field.only_keys({"value", "description", "expand", "options"});
  } else {
    field.only_keys({"value", "expand"});
  }
  if (const auto value = field.find("value")) {
    variable.value = value->scalar();
  } else if (field.find("options")) {
    field.fail("value is missing, which options need");
  } else if (owner != VariablesOf::root) {
    field.fail("value is missing");
  }
  if (const auto expand = field.find("expand")) variable.expand = expand->boolean();
  if (const auto text = field.find("description")) variable.description = text->string();
  if (const auto options = field.find("options")) read_options(*options, variable);
  return variable;
}

}  // namespace

VariableSpecs read_variables(const Field& field, VariablesOf owner) {
  VariableSpecs result;
  if (field.is_null() && owner != VariablesOf::rule) return result;
  if (!field.is_mapping()) field.expected("a mapping of names to values");
  for (const auto& entry : field.node().entries().entries()) {
    check_key(field, entry);
    auto variable = read_variable(Field{entry.value, field.path() + ":" + entry.key}, owner);
    variable.key = entry.key;
    result.push_back(std::move(variable));
  }
  return result;
}

}  // namespace slipway::local::ci
