#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::job {

/// A JSON value has another kind than the field it stands in. The text names the field's path and
/// both kinds, never the value.
struct FieldError {
  std::string text;
};

/// A field of a JSON document that knows where it stands. A missing field and `null` are absent and
/// read as zero. Keep parents alive while a field is used: errors walk up to build the path.
/// Reading throws FieldError.
class JsonField {
 public:
  explicit JsonField(const nlohmann::json& document) : value_{&document} {}

  /// A member of an object; absent in an absent object.
  JsonField at(std::string_view key) const;
  bool absent() const { return value_ == nullptr || value_->is_null(); }

  std::string text() const;
  bool flag() const;
  std::int64_t integer() const;
  /// \throws FieldError also if the value does not fit.
  int small_integer() const;
  double number() const;
  std::vector<std::string> texts() const;
  /// A string, or the digits of an integer.
  std::string text_or_integer() const;
  std::optional<std::vector<std::string>> optional_texts() const;
  std::optional<bool> optional_flag() const;

  /// The value's JSON. `kind`: string, number, boolean, array or struct. \throws FieldError if it
  /// is none of these, or the value is of another.
  std::string json_of_kind(std::string_view kind) const;
  /// \throws FieldError: `wanted` was expected here.
  [[noreturn]] void refuse(const char* wanted) const { fail(wanted); }

  /// Calls `visit(JsonField)` for every element of an array.
  template <class Visit>
  void each(Visit visit) const {
    if (absent()) return;
    expect(value_->is_array(), "an array");
    for (std::size_t i = 0; i < value_->size(); ++i) visit(JsonField{(*value_)[i], *this, {}, i});
  }
  /// Calls `visit(key, JsonField)` for every member of an object.
  template <class Visit>
  void each_member(Visit visit) const {
    if (absent()) return;
    expect(value_->is_object(), "an object");
    for (const auto& [key, value] : value_->items()) visit(key, JsonField{value, *this, key, 0});
  }

 private:
  JsonField(const nlohmann::json& value, const JsonField& parent, std::string_view key,
            std::size_t index)
      : value_{&value}, parent_{&parent}, key_{key}, index_{index} {}
  JsonField() = default;

  void expect(bool good, const char* wanted) const {
    if (!good) fail(wanted);
  }
  [[noreturn]] void fail(const char* wanted) const;
  std::string path() const;

  const nlohmann::json* value_ = nullptr;
  const JsonField* parent_ = nullptr;
  std::string_view key_;  // of a member; empty = element `index_`
  std::size_t index_ = 0;
};

}  // namespace slipway::job
