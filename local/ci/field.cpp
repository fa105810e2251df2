#include "local/ci/field.hpp"

#include <algorithm>
#include <charconv>

#include "local/ci/duration.hpp"

namespace slipway::local::ci {
namespace {

std::string listed(std::initializer_list<std::string_view> words) {
  std::string text;
  for (const auto word : words) (text += text.empty() ? "" : ", ") += word;
  return text;
}

/// A scalar that only YAML took for something other than text.
std::string quote_hint(const yaml::Node& node) {
  if (node.kind() != yaml::Kind::boolean && node.kind() != yaml::Kind::integer &&
      node.kind() != yaml::Kind::real)
    return {};
  return "; if text is meant, put it in quotes";
}

void flatten(const Field& field, int depth, std::vector<std::string>& lines) {
  constexpr int max_depth = 10;
  if (!field.is_list()) {
    if (field.is_mapping())
      field.fail("a command should be a string, not a mapping; if it holds ': ', put it in quotes");
    if (!field.node().is_string())
      field.fail("a command should be a string, not " +
                 std::string{yaml::kind_name(field.node().kind())} + quote_hint(field.node()));
    lines.push_back(field.node().text());
    return;
  }
  if (depth > max_depth) field.fail("nested deeper than ten levels");
  for (const auto& item : field.items()) flatten(item, depth + 1, lines);
}

}  // namespace

void Field::fail(const std::string& what) const {
  throw yaml::Error{mark(), path_ + ": " + what};
}

void Field::expected(std::string_view what) const {
  fail("should be " + std::string{what} + ", not " + std::string{yaml::kind_name(node_->kind())} +
       quote_hint(*node_));
}

std::optional<Field> Field::find(std::string_view key) const {
  auto value = node_->find_ptr(key);
  if (!value) return std::nullopt;
  return Field{std::move(value), path_ + ":" + std::string{key}};
}

std::vector<Field> Field::items() const {
  if (!is_list()) expected("a list");
  std::vector<Field> result;
  result.reserve(node_->items().size());
  for (const auto& item : node_->items())
    result.emplace_back(item, path_ + "[" + std::to_string(result.size()) + "]");
  return result;
}

std::vector<std::pair<std::string, Field>> Field::members() const {
  if (!is_mapping()) expected("a mapping");
  std::vector<std::pair<std::string, Field>> result;
  result.reserve(node_->entries().size());
  for (const auto& entry : node_->entries().entries())
    result.emplace_back(entry.key, Field{entry.value, path_ + ":" + entry.key});
  return result;
}

void Field::only_keys(std::initializer_list<std::string_view> keys) const {
  if (!is_mapping()) expected("a mapping");
  for (const auto& entry : node_->entries().entries()) {
    if (std::find(keys.begin(), keys.end(), entry.key) != keys.end()) continue;
    throw yaml::Error{entry.mark,
                      path_ + ": unknown key '" + entry.key + "'; possible are " + listed(keys)};
  }
}

std::string Field::text() const {
  auto result = string();
  if (result.find_first_not_of(" \t\r\n") == std::string::npos) fail("should not be empty");
  return result;
}

std::string Field::string() const {
  if (!node_->is_string()) expected("a string");
  return node_->text();
}

std::string Field::scalar() const {
  if (!node_->is_scalar() || is_null()) expected("a string, number or boolean");
  return node_->text();
}

bool Field::boolean() const {
  if (node_->kind() != yaml::Kind::boolean) {
    if (node_->is_string()) fail("should be true or false, not a string");
    expected("true or false");
  }
  return node_->truth();
}

std::int64_t Field::integer(std::int64_t least, std::int64_t most) const {
  const auto range = "a whole number from " + std::to_string(least) + " to " + std::to_string(most);
  if (node_->kind() != yaml::Kind::integer)
    fail("should be " + range + ", not " + std::string{yaml::kind_name(node_->kind())});
  const auto& digits = node_->text();
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc{} || value < least || value > most) fail("should be " + range);
  return value;
}

std::string Field::one_of(std::initializer_list<std::string_view> words) const {
  if (node_->is_scalar() && std::find(words.begin(), words.end(), node_->text()) != words.end() &&
      node_->is_string())
    return node_->text();
  fail("should be one of " + listed(words));
}

std::vector<std::string> Field::texts() const {
  if (!is_list()) expected("a list of strings");
  std::vector<std::string> result;
  for (const auto& item : items()) result.push_back(item.text());
  return result;
}

std::vector<std::string> Field::text_or_texts() const {
  if (is_list()) return texts();
  if (!node_->is_string()) expected("a string or a list of strings");
  return {text()};
}

std::vector<std::string> Field::script() const {
  if (!is_list() && !node_->is_string()) expected("a string or a list of strings");
  std::vector<std::string> lines;
  flatten(*this, 0, lines);
  return lines;
}

std::string Field::duration() const {
  const auto words = scalar();
  if (!parse_duration(words)) fail("'" + words + "' is no duration, such as '1h 30m' or '2 days'");
  return words;
}

}  // namespace slipway::local::ci
