#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace slipway::local::ci {

/// One token of an expression.
struct Token {
  enum class Type {
    variable,  ///< `text` is the name
    string,
    pattern,  ///< `text` is `/…/flags`, `\/` made `/`
    null,
    boolean,
    equals,
    not_equals,
    matches,
    not_matches,
    negation,
    conjunction,
    disjunction,
    open,
    close,
    end,
  };
  Type type = Type::end;
  std::string text;
  std::size_t at = 0;  ///< character from 1
};

/// Cuts an expression into tokens, the last of type `end`. \throws ExpressionError.
std::vector<Token> tokenize(std::string_view text);

}  // namespace slipway::local::ci
