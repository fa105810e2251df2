#include "local/ci/expression_lexer.hpp"

#include <cctype>

#include "local/ci/expression.hpp"

namespace slipway::local::ci {
namespace {

constexpr std::size_t max_tokens = 99;

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_{text}, rest_{text} {}

  std::vector<Token> run() {
    std::vector<Token> tokens;
    for (skip_space(); !rest_.empty(); skip_space()) {
      if (tokens.size() == max_tokens)
        throw ExpressionError{"more than " + std::to_string(max_tokens) + " parts"};
      const auto at = position();
      auto token = next();
      token.at = at;
      tokens.push_back(std::move(token));
    }
    Token end;
    end.at = position();
    tokens.push_back(end);
    return tokens;
  }

 private:
  std::size_t position() const { return text_.size() - rest_.size() + 1; }

  void skip_space() {
    const auto first = rest_.find_first_not_of(" \t\r\n\f\v");
    rest_.remove_prefix(first == std::string_view::npos ? rest_.size() : first);
  }

  [[noreturn]] void fail(const std::string& what) const {
    throw ExpressionError{what + " at character " + std::to_string(position())};
  }

  Token take(Token::Type type, std::size_t length) {
    Token token;
    token.type = type;
    rest_.remove_prefix(length);
    return token;
  }

  Token next() {
    using Type = Token::Type;
    static constexpr struct {
      std::string_view text;
      Type type;
    } symbols[] = {{"(", Type::open},         {")", Type::close},        {"null", Type::null},
                   {"==", Type::equals},      {"=~", Type::matches},     {"!=", Type::not_equals},
                   {"!~", Type::not_matches}, {"&&", Type::conjunction}, {"||", Type::disjunction},
                   {"!", Type::negation}};
    switch (rest_[0]) {
      case '$':
        return variable();
      case '"':
      case '\'':
        return string();
      case '/':
        return pattern();
      default:
        break;
    }
    for (const auto& symbol : symbols)
      if (rest_.starts_with(symbol.text)) return take(symbol.type, symbol.text.size());
    for (const std::string_view word : {"true", "false"}) {
      if (!rest_.starts_with(word) || (rest_.size() > word.size() && is_word(rest_[word.size()])))
        continue;
      auto token = take(Type::boolean, word.size());
      token.text = word;
      return token;
    }
    fail("'" + std::string{rest_.substr(0, rest_.find_first_of(" \t\n"))} + "' is not understood");
  }

  Token variable() {
    std::size_t end = 1;
    while (end < rest_.size() && is_word(rest_[end])) ++end;
    if (end == 1)
      fail(rest_.starts_with("${") ? "variables are written $NAME here, without braces,"
                                   : "a variable's name is missing after $");
    const std::string name{rest_.substr(1, end - 1)};
    auto token = take(Token::Type::variable, end);
    token.text = name;
    return token;
  }

  Token string() {
    const auto end = rest_.find(rest_[0], 1);
    if (end == std::string_view::npos) fail("a string is not closed");
    const std::string text{rest_.substr(1, end - 1)};
    auto token = take(Token::Type::string, end + 1);
    token.text = text;
    return token;
  }

  Token pattern() {
    std::string text = "/";
    std::size_t end = 1;
    for (; end < rest_.size() && rest_[end] != '/'; ++end) {
      if (rest_[end] == '\\' && end + 1 < rest_.size() && rest_[end + 1] == '/') ++end;
      text += rest_[end];
    }
    if (end >= rest_.size()) fail("a regular expression is not closed");
    if (end < 3) fail("a regular expression must have two characters or more");
    text += '/';
    for (++end;
         end < rest_.size() && std::string_view{"ismU"}.find(rest_[end]) != std::string_view::npos;
         ++end)
      text += rest_[end];
    auto token = take(Token::Type::pattern, end);
    token.text = text;
    return token;
  }

  std::string_view text_;
  std::string_view rest_;
};

}  // namespace

std::vector<Token> tokenize(std::string_view text) {
  return Lexer{text}.run();
}

}  // namespace slipway::local::ci
