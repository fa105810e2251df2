#pragma once

#include <cstdint>
#include <string_view>

#include "helper/expansion_scope.hpp"

namespace slipway::helper {

/// The value of a shell's arithmetic expression: all of C's integer operators and `**`, 64 bits,
/// overflow wraps. A variable's value is an expression in turn; unset ones are 0. Numbers are
/// decimal, 0x…, 0… (octal) or base#digits with a base up to 36. An empty expression is 0.
/// \throws ExpansionError
std::int64_t evaluate_arithmetic(std::string_view expression, ExpansionScope& scope);

}  // namespace slipway::helper
