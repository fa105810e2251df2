#include "local/ci/variables.hpp"

#include <algorithm>
#include <cctype>
#include <stdexcept>
#include <unordered_set>
#include <vector>

namespace slipway::local::ci {
namespace {

constexpr std::size_t max_text = std::size_t{1} << 20;
constexpr std::size_t max_total = std::size_t{64} << 20;

bool is_name_start(char c) {
  return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_';
}

std::size_t name_length(std::string_view text) {
  if (text.empty() || !is_name_start(text[0])) return 0;
  std::size_t end = 1;
  while (end < text.size() && (is_name_start(text[end]) || (text[end] >= '0' && text[end] <= '9')))
    ++end;
  return end;
}

/// A reference at the front of `text`: its length (0: none) and the variable's name.
struct Reference {
  std::size_t length = 0;
  std::string_view name;
};

Reference reference_at(std::string_view text) {
  if (text.starts_with("${")) {
    const auto length = name_length(text.substr(2));
    if (text.substr(2 + length).starts_with('}')) return {length + 3, text.substr(2, length)};
    return {};
  }
  const auto length = name_length(text.substr(1));
  if (length == 0) return {};
  if (text[0] == '$') return {length + 1, text.substr(1, length)};
  if (text.substr(1 + length).starts_with('%')) return {length + 2, text.substr(1, length)};
  return {};
}

/// Calls `literal` and `reference` (with its text and name) for the parts of `text` in order.
template <class Literal, class OnReference>
void scan(std::string_view text, Literal literal, OnReference reference) {
  while (!text.empty()) {
    const auto at = text.find_first_of("$%");
    literal(text.substr(0, at));
    if (at == std::string_view::npos) return;
    text.remove_prefix(at);
    if (text.starts_with("$$") || text.starts_with("%%")) {
      literal(text.substr(0, 2));
      text.remove_prefix(2);
      continue;
    }
    const auto found = reference_at(text);
    if (found.length == 0) {
      literal(text.substr(0, 1));
      text.remove_prefix(1);
    } else {
      reference(text.substr(0, found.length), found.name);
      text.remove_prefix(found.length);
    }
  }
}

/// Expands each variable after those it refers to.
class Expander {
 public:
  explicit Expander(const std::vector<const job::Variable*>& list) : list_{list} {
    state_.resize(list_.size(), State::done);
    values_.resize(list_.size());
    bool references = false;
    for (std::size_t at = 0; at < list_.size(); ++at) {
      const auto& variable = *list_[at];
      // Most values refer to nothing: they are not copied.
      if (variable.raw || variable.value.find_first_of("$%") == std::string::npos) continue;
      state_[at] = State::waiting;
      references = true;
    }
    if (!references) return;
    by_key_.resize(list_.size());
    for (std::size_t at = 0; at < list_.size(); ++at) by_key_[at] = at;
    std::sort(by_key_.begin(), by_key_.end(), [this](std::size_t a, std::size_t b) {
      const int order = list_[a]->key.compare(list_[b]->key);
      return order != 0 ? order < 0 : a < b;
    });
    for (std::size_t at = 0; at < list_.size() && !circular_; ++at) resolve(at, 0);
  }

  bool circular() const { return circular_; }
  /// The variable as it is after the expansion.
  job::Variable take(std::size_t at) {
    auto variable = *list_[at];
    if (!circular_ && values_[at]) variable.value = std::move(*values_[at]);
    return variable;
  }

 private:
  enum class State { waiting, running, done };

  void resolve(std::size_t at, std::size_t depth) {
    constexpr std::size_t max_depth = 1000;
    if (circular_ || state_[at] == State::done) return;
    if (depth > max_depth) {
      circular_ = true;
      return;
    }
    state_[at] = State::running;
    const auto& variable = *list_[at];
    std::string value;
    scan(
        variable.value, [&](std::string_view text) { append(value, text); },
        [&](std::string_view text, std::string_view name) {
          append(value, replacement(at, name, depth).value_or(text));
        });
    values_[at] = std::move(value);
    state_[at] = State::done;
  }

  /// What a reference in variable `at` becomes; absent if it stays.
  std::optional<std::string_view> replacement(std::size_t at, std::string_view name,
                                              std::size_t depth) {
    if (list_[at]->key == name) return earlier(at, name, depth);
    const auto after = std::upper_bound(
        by_key_.begin(), by_key_.end(), name,
        [this](std::string_view key, std::size_t other) { return key < list_[other]->key; });
    if (after == by_key_.begin() || list_[*std::prev(after)]->key != name) return std::nullopt;
    const auto target = *std::prev(after);
    if (list_[target]->raw || list_[target]->file) return std::nullopt;
    if (state_[target] == State::running) {
      circular_ = true;
      return std::nullopt;
    }
    resolve(target, depth + 1);
    return value(target);
  }

  /// `PATH: $PATH:/more` refers to the entry before it.
  std::optional<std::string_view> earlier(std::size_t at, std::string_view name,
                                          std::size_t depth) {
    for (auto before = at; before-- > 0;) {
      if (list_[before]->key != name) continue;
      if (list_[before]->raw || list_[before]->file) return std::nullopt;
      if (state_[before] == State::running) return std::nullopt;
      resolve(before, depth + 1);
      return value(before);
    }
    return std::nullopt;
  }

  std::string_view value(std::size_t at) const {
    return values_[at] ? std::string_view{*values_[at]} : list_[at]->value;
  }

  void append(std::string& value, std::string_view text) {
    total_ += text.size();
    if (total_ > max_total) throw std::length_error{"the variables expand to more than 64 MiB"};
    value += text;
  }

  const std::vector<const job::Variable*>& list_;
  std::vector<std::size_t> by_key_;  ///< those of one key in their order
  std::vector<State> state_;
  std::vector<std::optional<std::string>> values_;  ///< where it differs from the list
  std::size_t total_ = 0;
  bool circular_ = false;
};

}  // namespace

std::string expand_references(std::string_view text, const VariableLookup& variables,
                              Undefined undefined) {
  std::string result;
  const auto append = [&result](std::string_view part) {
    if (result.size() + part.size() > max_text)
      throw std::length_error{"expands to more than 1 MiB"};
    result += part;
  };
  scan(text, append, [&](std::string_view written, std::string_view name) {
    const auto value = variables.find(name);
    if (value) {
      append(*value);
    } else if (undefined == Undefined::keep) {
      append(written);
    }
  });
  return result;
}

job::Variables expand_all(const job::Variables& list) {
  std::vector<const job::Variable*> pointers;
  for (const auto& variable : list.list()) pointers.push_back(&variable);
  Expander expander{pointers};
  job::Variables result;
  for (std::size_t at = 0; at < pointers.size(); ++at) result.add(expander.take(at));
  return result;
}

std::vector<std::string> values_in_job(const std::vector<const job::Variable*>& list,
                                       const std::vector<std::string>& keys) {
  Expander expander{list};
  const std::unordered_set<std::string_view> wanted{keys.begin(), keys.end()};
  // What is left to expand are raw and file variables, references to nothing, and `$$`.
  job::Variables left;
  for (std::size_t at = 0; at < list.size(); ++at)
    if (expander.circular() || list[at]->raw || list[at]->file || wanted.contains(list[at]->key))
      left.add(expander.take(at));
  const auto expanded = left.expanded();
  std::vector<std::string> result;
  for (const auto& key : keys) result.push_back(expanded.get(key));
  return result;
}

}  // namespace slipway::local::ci
