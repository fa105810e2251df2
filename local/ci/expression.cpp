#include "local/ci/expression.hpp"

#include <algorithm>
#include <variant>

#include "local/ci/expression_lexer.hpp"
#include "local/ci/pattern.hpp"

namespace slipway::local::ci {
namespace {

using Type = Token::Type;
/// null, a boolean, a text or a regular expression.
using Value = std::variant<std::monostate, bool, std::string, const Pattern*>;

/// Ruby's idea: everything but nil and false.
bool is_true(const Value& value) {
  const auto* flag = std::get_if<bool>(&value);
  return flag ? *flag : !std::holds_alternative<std::monostate>(value);
}

/// Rails' idea, which counts blank texts as false, too.
bool is_present(const Value& value) {
  if (const auto* text = std::get_if<std::string>(&value))
    return text->find_first_not_of(" \t\r\n\f\v") != std::string::npos;
  return is_true(value);
}

std::string as_text(const Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  return {};
}

/// What is taken for a pattern in a variable's value: `\/` stands for `/`, as in an expression.
std::optional<Pattern> pattern_in(const std::string& text) {
  std::string unescaped;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\\' && at + 1 < text.size() && text[at + 1] == '/') ++at;
    unescaped += text[at];
  }
  auto pattern = Pattern::from_slashes(unescaped);
  return pattern && pattern->ok() ? pattern : std::nullopt;
}

/// `left =~ right`; absent when the right side is null, for which `=~` and `!~` differ.
std::optional<bool> match(const Value& left, const Value& right) {
  const auto text = as_text(left);
  if (!is_true(right)) return std::nullopt;
  if (const auto* pattern = std::get_if<const Pattern*>(&right)) return (*pattern)->found_in(text);
  const auto other = as_text(right);
  if (const auto pattern = pattern_in(other)) return pattern->found_in(text);
  // GitLab then looks for the left text in the right one.
  return other.find(text) != std::string::npos;
}

int precedence(Type type) {
  switch (type) {
    case Type::equals:
    case Type::not_equals:
    case Type::matches:
    case Type::not_matches:
      return 3;
    case Type::conjunction:
      return 2;
    case Type::disjunction:
      return 1;
    default:
      return 0;
  }
}

}  // namespace

struct Expression::Node {
  Type type;
  std::string text;
  std::optional<Pattern> pattern;
  std::unique_ptr<const Node> left;
  std::unique_ptr<const Node> right;
};

namespace {

using NodePtr = std::unique_ptr<const Expression::Node>;

Value evaluate(const Expression::Node& node, const VariableLookup& variables) {
  switch (node.type) {
    case Type::variable: {
      auto value = variables.find(node.text);
      return value ? Value{std::move(*value)} : Value{};
    }
    case Type::string:
      return node.text;
    case Type::boolean:
      return node.text == "true";
    case Type::pattern:
      return &*node.pattern;
    case Type::negation:
      return !is_present(evaluate(*node.left, variables));
    case Type::equals:
      return evaluate(*node.left, variables) == evaluate(*node.right, variables);
    case Type::not_equals:
      return evaluate(*node.left, variables) != evaluate(*node.right, variables);
    case Type::matches:
      return match(evaluate(*node.left, variables), evaluate(*node.right, variables))
          .value_or(false);
    case Type::not_matches:
      return !match(evaluate(*node.left, variables), evaluate(*node.right, variables))
                  .value_or(false);
    case Type::conjunction: {
      auto left = evaluate(*node.left, variables);
      return is_true(left) ? evaluate(*node.right, variables) : left;
    }
    case Type::disjunction: {
      auto left = evaluate(*node.left, variables);
      return is_true(left) ? left : evaluate(*node.right, variables);
    }
    default:
      return {};
  }
}

/// Precedence climbing over at most max_tokens tokens, which bounds its depth.
class Parser {
 public:
  explicit Parser(std::string_view text) : tokens_{tokenize(text)} {}

  NodePtr run() {
    if (peek().type == Type::end) throw ExpressionError{"the expression is empty"};
    auto root = binary(1);
    if (peek().type == Type::close) fail("a ')' without its '('");
    if (peek().type != Type::end) fail("an operator is missing");
    return root;
  }

 private:
  const Token& peek() const { return tokens_[at_]; }
  Token take() { return tokens_[at_++]; }

  [[noreturn]] void fail(const std::string& what) const {
    if (peek().type == Type::end) throw ExpressionError{what + " at the end"};
    throw ExpressionError{what + " at character " + std::to_string(peek().at)};
  }

  NodePtr binary(int least) {
    auto left = unary();
    while (true) {
      const int bound = precedence(peek().type);
      if (bound < least || bound == 0) return left;
      const auto type = take().type;
      auto right = binary(bound + 1);
      left =
          NodePtr{new Expression::Node{type, {}, std::nullopt, std::move(left), std::move(right)}};
    }
  }

  NodePtr unary() {
    if (peek().type != Type::negation) return operand();
    take();
    return NodePtr{new Expression::Node{Type::negation, {}, std::nullopt, unary(), nullptr}};
  }

  NodePtr operand() {
    switch (peek().type) {
      case Type::open: {
        take();
        auto inner = binary(1);
        if (peek().type != Type::close) fail("a ')' is missing");
        take();
        return inner;
      }
      case Type::pattern: {
        auto pattern = Pattern::from_slashes(peek().text);
        if (!pattern || !pattern->ok())
          fail("the regular expression is not valid (" + (pattern ? pattern->error() : "") + ")");
        auto token = take();
        return NodePtr{new Expression::Node{token.type, std::move(token.text), std::move(pattern),
                                            nullptr, nullptr}};
      }
      case Type::variable:
      case Type::string:
      case Type::null:
      case Type::boolean: {
        auto token = take();
        return NodePtr{new Expression::Node{token.type, std::move(token.text), std::nullopt,
                                            nullptr, nullptr}};
      }
      default:
        fail("a value is missing");
    }
  }

  std::vector<Token> tokens_;
  std::size_t at_ = 0;
};

void collect(const Expression::Node& node, std::vector<std::string>& names) {
  if (node.type == Type::variable &&
      std::find(names.begin(), names.end(), node.text) == names.end())
    names.push_back(node.text);
  if (node.left) collect(*node.left, names);
  if (node.right) collect(*node.right, names);
}

}  // namespace

Expression::Expression(std::unique_ptr<const Node> root) : root_{std::move(root)} {
  collect(*root_, variables_);
}
Expression::Expression(Expression&&) noexcept = default;
Expression& Expression::operator=(Expression&&) noexcept = default;
Expression::~Expression() = default;

Expression Expression::parse(std::string_view text) {
  return Expression{Parser{text}.run()};
}

bool Expression::holds(const VariableLookup& variables) const {
  return is_present(evaluate(*root_, variables));
}

}  // namespace slipway::local::ci
