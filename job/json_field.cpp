#include "job/json_field.hpp"

#include <limits>

namespace slipway::job {
namespace {

const char* kind_of(const nlohmann::json& value) {
  switch (value.type()) {
    case nlohmann::json::value_t::null:
      return "null";
    case nlohmann::json::value_t::object:
      return "an object";
    case nlohmann::json::value_t::array:
      return "an array";
    case nlohmann::json::value_t::string:
      return "a string";
    case nlohmann::json::value_t::boolean:
      return "a boolean";
    case nlohmann::json::value_t::number_integer:
    case nlohmann::json::value_t::number_unsigned:
    case nlohmann::json::value_t::number_float:
      return "another number";
    default:
      return "something else";
  }
}

}  // namespace

std::string JsonField::path() const {
  if (parent_ == nullptr) return {};
  const auto parent = parent_->path();
  if (key_.empty()) return parent + '[' + std::to_string(index_) + ']';
  return parent.empty() ? std::string{key_} : parent + '.' + std::string{key_};
}

void JsonField::fail(const char* wanted) const {
  const auto where = path();
  std::string got = value_ == nullptr ? "nothing" : kind_of(*value_);
  if (value_ != nullptr && value_->is_number() &&
      std::string_view{wanted}.find("integer") == std::string_view::npos &&
      std::string_view{wanted} != "a number") {
    got = "a number";
  }
  throw FieldError{(where.empty() ? "job payload" : where) + ": expected " + wanted + ", got " +
                   got};
}

JsonField JsonField::at(std::string_view key) const {
  if (absent()) return {};
  expect(value_->is_object(), "an object");
  const auto member = value_->find(key);
  if (member == value_->end()) return {};
  return {*member, *this, key, 0};
}

std::string JsonField::text() const {
  if (absent()) return {};
  expect(value_->is_string(), "a string");
  return value_->get<std::string>();
}

bool JsonField::flag() const {
  return optional_flag().value_or(false);
}

std::optional<bool> JsonField::optional_flag() const {
  if (absent()) return std::nullopt;
  expect(value_->is_boolean(), "true or false");
  return value_->get<bool>();
}

std::int64_t JsonField::integer() const {
  if (absent()) return 0;
  constexpr auto wanted = "an integer of 64 bits";
  expect(value_->is_number_integer(), wanted);
  if (value_->is_number_unsigned()) {
    constexpr std::uint64_t largest = std::numeric_limits<std::int64_t>::max();
    expect(value_->get<std::uint64_t>() <= largest, wanted);
  }
  return value_->get<std::int64_t>();
}

int JsonField::small_integer() const {
  const auto value = integer();
  if (value < std::numeric_limits<int>::min() || value > std::numeric_limits<int>::max()) {
    fail("an integer of 32 bits");
  }
  return static_cast<int>(value);
}

double JsonField::number() const {
  if (absent()) return 0;
  expect(value_->is_number(), "a number");
  return value_->get<double>();
}

std::vector<std::string> JsonField::texts() const {
  return optional_texts().value_or(std::vector<std::string>{});
}

std::optional<std::vector<std::string>> JsonField::optional_texts() const {
  if (absent()) return std::nullopt;
  std::vector<std::string> result;
  each([&](const JsonField& element) { result.push_back(element.text()); });
  return result;
}

std::string JsonField::json_of_kind(std::string_view kind) const {
  using Kind = nlohmann::json::value_t;
  const auto is = [this](Kind wanted) { return !absent() && value_->type() == wanted; };
  if (kind == "string")
    expect(is(Kind::string), "a string");
  else if (kind == "number")
    expect(!absent() && value_->is_number(), "a number");
  else if (kind == "boolean")
    expect(is(Kind::boolean), "true or false");
  else if (kind == "array")
    expect(is(Kind::array), "an array");
  else if (kind == "struct")
    expect(is(Kind::object), "an object");
  else
    fail("a value of a known type");
  return value_->dump();
}

std::string JsonField::text_or_integer() const {
  if (absent()) return {};
  if (value_->is_string()) return text();
  expect(value_->is_number(), "a string or an integer");
  return std::to_string(integer());
}

}  // namespace slipway::job
