#include "local/ci/inputs.hpp"

#include <algorithm>

#include "local/ci/pattern.hpp"

namespace slipway::local::ci {
namespace {

bool fits(const std::string& type, const yaml::Node& value) {
  if (type == "string") return value.is_string();
  if (type == "boolean") return value.kind() == yaml::Kind::boolean;
  if (type == "array") return value.is_sequence();
  return value.kind() == yaml::Kind::integer || value.kind() == yaml::Kind::real;
}

/// What is wrong with a value; empty if nothing is.
std::string problem(const InputSpec& spec, const yaml::Node& value) {
  if (!fits(spec.type, value))
    return "should be of type " + spec.type + ", not " + std::string{yaml::kind_name(value.kind())};
  if (!spec.options.empty() &&
      std::find(spec.options.begin(), spec.options.end(), value.text()) == spec.options.end())
    return "'" + value.text() + "' is not in the list of options";
  if (!spec.regex.empty() && !Pattern{spec.regex}.found_in(value.text()))
    return "'" + value.text() + "' does not match " + spec.regex;
  return {};
}

}  // namespace

InputSpec read_input(const Field& field) {
  InputSpec spec;
  if (field.is_null()) return spec;
  field.only_keys({"type", "description", "options", "regex", "default", "rules"});
  if (const auto rules = field.find("rules")) rules->fail("rules of inputs are not supported");
  if (const auto type = field.find("type"))
    spec.type = type->one_of({"string", "number", "boolean", "array"});
  if (const auto text = field.find("description"); text && text->string().size() > 1024)
    text->fail("should not be longer than 1024 characters");
  if (const auto options = field.find("options")) {
    if (spec.type != "string" && spec.type != "number")
      options->fail("are possible for strings and numbers only");
    constexpr std::size_t max_options = 50;
    for (const auto& option : options->items()) spec.options.push_back(option.scalar());
    if (spec.options.empty()) options->fail("should not be empty");
    if (spec.options.size() > max_options) options->fail("should not have more than 50 entries");
  }
  if (const auto regex = field.find("regex")) {
    if (spec.type != "string") regex->fail("is possible for strings only");
    spec.regex = regex->text();
    const Pattern pattern{spec.regex};
    if (!pattern.ok()) regex->fail("the regular expression is not valid (" + pattern.error() + ")");
  }
  if (const auto value = field.find("default")) {
    // `default: null` is an empty string, list or the like.
    spec.default_value = value->is_null() && spec.type == "string"
                             ? yaml::Node::string(value->mark(), "")
                             : value->ptr();
    const auto wrong = problem(spec, *spec.default_value);
    if (!wrong.empty()) value->fail(wrong);
  }
  return spec;
}

InputValues resolve_inputs(const Field& declared, const InputValues& given,
                           const yaml::Mark& given_by) {
  InputValues result;
  if (!declared.is_null()) {
    for (const auto& [name, field] : declared.members()) {
      const auto spec = read_input(field);
      const auto found = given.find(name);
      if (found == given.end()) {
        if (!spec.default_value)
          throw yaml::Error{given_by, "inputs:" + name + ": a value must be given"};
        result[name] = spec.default_value;
        continue;
      }
      const auto wrong = problem(spec, *found->second);
      if (!wrong.empty()) throw yaml::Error{found->second->mark(), "inputs:" + name + ": " + wrong};
      result[name] = found->second;
    }
  }
  for (const auto& [name, value] : given)
    if (!result.contains(name))
      throw yaml::Error{value->mark(), "inputs:" + name + ": the file declares no such input"};
  return result;
}

}  // namespace slipway::local::ci
