#pragma once

#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::local::ci {

/// What is wrong with an expression; the text says where in it.
class ExpressionError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Looks up a variable; absent if it is not set.
class VariableLookup {
 public:
  virtual ~VariableLookup() = default;
  virtual std::optional<std::string> find(std::string_view name) const = 0;
};

/// An expression of `rules:if`, `workflow:rules:if` or `only:variables`: `$VAR`, strings, `null`,
/// `true`, `false`, `/regex/`, `==`, `!=`, `=~`, `!~`, `!`, `&&`, `||` and parentheses, at most 99
/// of these. Comparisons bind tighter than `&&`, that tighter than `||`. Values are GitLab's:
/// `&&` and `||` give one of their operands and take only null and false for false (so that
/// `$EMPTY || $SET` is the empty text, which as a whole counts as false).
class Expression {
 public:
  /// \throws ExpressionError.
  static Expression parse(std::string_view text);

  Expression(Expression&&) noexcept;
  Expression& operator=(Expression&&) noexcept;
  ~Expression();

  /// Whether the rule is met: the value is true, or a text that is not blank.
  bool holds(const VariableLookup& variables) const;
  /// Names of the variables that stand in it, each once, in order.
  const std::vector<std::string>& variables() const { return variables_; }

  struct Node;

 private:
  explicit Expression(std::unique_ptr<const Node> root);

  std::unique_ptr<const Node> root_;
  std::vector<std::string> variables_;
};

}  // namespace slipway::local::ci
