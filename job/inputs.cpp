#include "job/inputs.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "job/failure.hpp"
#include "job/job.hpp"
#include "job/text.hpp"

namespace slipway::job {
namespace {

using nlohmann::json;

constexpr std::size_t max_result = 64u << 20;
constexpr std::size_t max_shown = 100;
constexpr std::string_view opening = "${{";
constexpr std::string_view closing = "}}";

[[noreturn]] void refuse(const std::string& text) {
  throw Failure{FailureReason::runner_configuration_error, text};
}

using Values = std::map<std::string, json, std::less<>>;

/// Reads one expression. Errors name it, never a value.
class Expression {
 public:
  Expression(std::string_view text, const std::vector<Input>& inputs, Values& values)
      : text_{text}, rest_{text}, inputs_{inputs}, values_{values} {}

  std::string value() {
    auto result = text_of(operand());
    skip_space();
    if (!rest_.empty()) fail("is not understood");
    return result;
  }

 private:
  static std::string text_of(const json& value) {
    if (value.is_string()) return value.get<std::string>();
    return value.dump(-1, ' ', false, json::error_handler_t::replace);
  }

  [[noreturn]] void fail(const std::string& what) const {
    refuse("${{ " + std::string{trimmed(text_).substr(0, max_shown)} + " }} " + what);
  }

  void skip_space() {
    const auto begin = rest_.find_first_not_of(" \t\r\n");
    rest_.remove_prefix(begin == std::string_view::npos ? rest_.size() : begin);
  }

  bool take(std::string_view token) {
    skip_space();
    if (!rest_.starts_with(token)) return false;
    rest_.remove_prefix(token.size());
    return true;
  }

  std::string_view name() {
    skip_space();
    std::size_t length = 0;
    while (length < rest_.size() && (is_name_character(rest_[length]) || rest_[length] == '-'))
      ++length;
    const auto result = rest_.substr(0, length);
    rest_.remove_prefix(length);
    return result;
  }

  json operand() {
    const auto word = name();
    if (word == "str" && take("(")) {
      const auto inner = operand();
      if (!take(")")) fail("lacks a `)`");
      return text_of(inner);
    }
    if (word != "job" || !take(".") || name() != "inputs") fail("is none of the job's inputs");
    const json* value = nullptr;
    while (const auto key = accessor()) value = &(value ? member(*value, *key) : input(*key));
    if (!value) fail("names no input");
    return *value;
  }

  /// `.name`, `["name"]` or `[0]`.
  std::optional<std::string> accessor() {
    if (take(".")) {
      const auto key = name();
      if (key.empty()) fail("is not understood");
      return std::string{key};
    }
    if (!take("[")) return std::nullopt;
    skip_space();
    std::string key;
    if (rest_.starts_with('"') || rest_.starts_with('\'')) {
      const auto end = rest_.find(rest_.front(), 1);
      if (end == std::string_view::npos) fail("lacks a quote");
      key = rest_.substr(1, end - 1);
      rest_.remove_prefix(end + 1);
    } else {
      key = name();
    }
    if (!take("]")) fail("lacks a `]`");
    return key;
  }

  const json& input(const std::string& key) {
    const auto found = std::find_if(inputs_.rbegin(), inputs_.rend(),
                                    [&](const Input& input) { return input.key == key; });
    if (found == inputs_.rend()) fail("names an input that the job does not have");
    if (found->sensitive) fail("names a sensitive input, which would be shown");
    const auto known = values_.find(key);
    if (known != values_.end()) return known->second;
    return values_.emplace(key, json::parse(found->content, nullptr, false)).first->second;
  }

  const json& member(const json& value, const std::string& key) const {
    if (value.is_object()) {
      const auto found = value.find(key);
      if (found != value.end()) return *found;
    } else if (value.is_array()) {
      std::size_t index = 0;
      const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), index);
      if (error == std::errc{} && end == key.data() + key.size() && index < value.size())
        return value[index];
    }
    fail("names nothing: there is no `" + key + "`");
  }

  std::string_view text_;
  std::string_view rest_;
  const std::vector<Input>& inputs_;
  Values& values_;
};

/// The end of an expression that begins at the start of `text`; `}}` in quotes does not end it.
std::size_t end_of(std::string_view text) {
  char quote = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (quote != 0) {
      if (text[i] == quote) quote = 0;
    } else if (text[i] == '"' || text[i] == '\'') {
      quote = text[i];
    } else if (text.substr(i).starts_with(closing)) {
      return i;
    }
  }
  return std::string_view::npos;
}

/// Replaces texts in place; values are parsed once.
class Interpolation {
 public:
  explicit Interpolation(const std::vector<Input>& inputs) : inputs_{inputs} {}

  std::string of(std::string_view text) {
    std::string result;
    for (;;) {
      const auto begin = text.find(opening);
      result += text.substr(0, begin);
      if (begin == std::string_view::npos) break;
      text.remove_prefix(begin + opening.size());
      const auto end = end_of(text);
      if (end == std::string_view::npos)
        refuse("${{ " + std::string{trimmed(text).substr(0, max_shown)} + " lacks its }}");
      result += Expression{text.substr(0, end), inputs_, values_}.value();
      text.remove_prefix(end + closing.size());
      if (bytes_ + result.size() > max_result) refuse("the job's inputs make more than 64 MiB");
    }
    bytes_ += result.size();
    return result;
  }

  void in(std::string_view where, std::string& text) {
    if (text.find(opening) == std::string::npos) return;
    try {
      text = of(text);
    } catch (const Failure& failure) {
      refuse(std::string{where} + ": " + failure.what());
    }
  }
  void in(std::string_view where, std::vector<std::string>& texts) {
    for (auto& text : texts) in(where, text);
  }
  void in(std::string_view where, Image& image) {
    in(where, image.name);
    if (image.command) in(where, *image.command);
    if (image.entrypoint) in(where, *image.entrypoint);
    in(where, image.pull_policies);
    in(where, image.docker_platform);
    in(where, image.docker_user);
  }
  void in(Artifact& artifact) {
    constexpr std::string_view where = "artifacts";
    in(where, artifact.name);
    in(where, artifact.paths);
    in(where, artifact.exclude);
    in(where, artifact.when);
    in(where, artifact.expire_in);
  }
  void in(Cache& cache) {
    constexpr std::string_view where = "cache";
    in(where, cache.key);
    in(where, cache.policy);
    in(where, cache.paths);
    in(where, cache.when);
    in(where, cache.fallback_keys);
  }

 private:
  const std::vector<Input>& inputs_;
  Values values_;
  std::size_t bytes_ = 0;
};

}  // namespace

std::string interpolate(std::string_view text, const std::vector<Input>& inputs) {
  return Interpolation{inputs}.of(text);
}

void interpolate_inputs(Job& job) {
  if (job.inputs.empty()) return;
  Interpolation interpolation{job.inputs};
  for (auto& step : job.steps)
    if (step.name == "script" || step.name == "after_script")
      interpolation.in(step.name, step.script);
  interpolation.in("image", job.image);
  for (auto& service : job.services) interpolation.in("services", service);
  for (auto& artifact : job.artifacts) interpolation.in(artifact);
  for (auto& cache : job.caches) interpolation.in(cache);
}

}  // namespace slipway::job
