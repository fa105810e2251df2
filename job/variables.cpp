#include "job/variables.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <unordered_map>
#include <unordered_set>

#include "job/failure.hpp"
#include "job/text.hpp"

namespace slipway::job {
namespace {

/// More than this cannot be meant: values that multiply each other would fill the memory.
constexpr std::size_t max_expanded_bytes = 64u << 20;
constexpr std::string_view temp_dir_key = "RUNNER_TEMP_PROJECT_DIR";
constexpr std::array<std::string_view, 6> true_words{"1", "t", "T", "TRUE", "true", "True"};
constexpr std::array<std::string_view, 6> false_words{"0", "f", "F", "FALSE", "false", "False"};

bool is_special(char c) {
  return (c >= '0' && c <= '9') || std::string_view{"*#$@!?-"}.find(c) != std::string_view::npos;
}

/// A reference that begins at a `$`: `length` bytes of text stand for the variable `name`.
struct Reference {
  std::size_t length;
  std::string_view name;
};

/// `text` begins with `$`. A length of 1 is a `$` that means itself.
Reference reference_at(std::string_view text) {
  if (text.size() < 2) return {1, {}};
  if (text[1] == '{') {
    const auto end = text.find('}', 2);
    if (end == std::string_view::npos) return {2, {}};
    return {end + 1, text.substr(2, end - 2)};
  }
  if (is_special(text[1])) return {2, text.substr(1, 1)};
  std::size_t end = 1;
  while (end < text.size() && is_name_character(text[end])) ++end;
  return {end, text.substr(1, end - 1)};
}

/// Values by key, the last entry of a key wins.
class Lookup {
 public:
  explicit Lookup(const std::vector<Variable>& list) {
    last_.reserve(list.size());
    for (const auto& variable : list) last_.insert_or_assign(variable.key, &variable);
  }

  /// `text` with its references replaced. The total over all calls is bounded.
  std::string expand(std::string_view text) {
    std::string result;
    while (true) {
      const auto dollar = text.find('$');
      append(result, text.substr(0, dollar));
      if (dollar == std::string_view::npos) return result;
      text.remove_prefix(dollar);
      const auto reference = reference_at(text);
      if (reference.length == 1) {
        append(result, "$");
      } else {
        append_value(result, reference.name);
      }
      text.remove_prefix(reference.length);
    }
  }

 private:
  void append(std::string& result, std::string_view text) {
    bytes_ += text.size();
    if (bytes_ > max_expanded_bytes) {
      throw Failure{FailureReason::runner_configuration_error,
                    "the job's variables expand to more than 64 MiB"};
    }
    result += text;
  }

  void append_value(std::string& result, std::string_view name) {
    if (name == "$") return append(result, "$");
    const bool positional = name.size() == 1 && is_special(name[0]) && name[0] != '-';
    if (positional) return;
    const auto* variable = find(name);
    if (variable == nullptr) return;
    if (!variable->file) return append(result, variable->value);
    if (const auto* directory = find(temp_dir_key)) append(result, directory->value);
    append(result, "/");
    append(result, name);
  }

  const Variable* find(std::string_view name) const {
    const auto found = last_.find(name);
    return found == last_.end() ? nullptr : found->second;
  }

  std::unordered_map<std::string_view, const Variable*> last_;
  std::size_t bytes_ = 0;
};

bool contains(const std::array<std::string_view, 6>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

}  // namespace

void Variables::add_internal(std::string key, std::string value) {
  Variable variable;
  variable.key = std::move(key);
  variable.value = std::move(value);
  variable.is_public = true;
  variable.internal = true;
  add(std::move(variable));
}

void Variables::append(const Variables& other) {
  const auto more = other.list_;  // `other` may be this list
  list_.insert(list_.end(), more.begin(), more.end());
}

std::optional<std::string> Variables::find(std::string_view key) const {
  const auto found = std::find_if(list_.rbegin(), list_.rend(),
                                  [key](const Variable& variable) { return variable.key == key; });
  if (found == list_.rend()) return std::nullopt;
  return found->value;
}

std::string Variables::get(std::string_view key) const {
  return find(key).value_or("");
}

bool Variables::get_bool(std::string_view key, bool fallback) const {
  const auto value = find(key);
  if (!value) return fallback;
  if (contains(true_words, *value)) return true;
  if (contains(false_words, *value)) return false;
  return fallback;
}

void Variables::overwrite_first(std::string_view key, std::string value) {
  for (auto& variable : list_) {
    if (variable.key != key) continue;
    variable.value = std::move(value);
    return;
  }
  add_internal(std::string{key}, std::move(value));
}

std::string Variables::expand(std::string_view text) const {
  return Lookup{list_}.expand(text);
}

Variables Variables::expanded() const {
  Lookup lookup{list_};
  auto result = list_;
  for (auto& variable : result) {
    if (!variable.raw) variable.value = lookup.expand(variable.value);
  }
  return Variables{std::move(result)};
}

std::vector<std::string> Variables::masked_values() const {
  std::vector<std::string> values;
  std::unordered_set<std::string_view> seen;
  for (const auto& variable : list_) {
    const auto value = trimmed(variable.value);
    if (variable.masked && !value.empty() && seen.insert(value).second) values.emplace_back(value);
  }
  std::stable_sort(values.begin(), values.end(),
                   [](const auto& a, const auto& b) { return a.size() > b.size(); });
  return values;
}

}  // namespace slipway::job
