#include "local/ci/expression.hpp"
#include "tests/fuzz/input.hpp"

namespace {

class Lookup : public slipway::local::ci::VariableLookup {
 public:
  std::optional<std::string> find(std::string_view name) const override {
    if (name.size() % 3 == 0) return std::nullopt;
    return name.size() % 3 == 1 ? std::string{} : "/" + std::string{name} + "/i";
  }
};

}  // namespace

/// Expressions of rules: any text is refused or has a value, the same each time.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipway;
  using namespace slipway::local::ci;
  const std::string text{reinterpret_cast<const char*>(data), size};
  const Lookup lookup;
  try {
    const auto expression = Expression::parse(text);
    fuzz::require(expression.holds(lookup) == expression.holds(lookup), "the same each time");
    fuzz::require(Expression::parse("!(" + text + ")").holds(lookup) != expression.holds(lookup),
                  "not is the contrary");
  } catch (const ExpressionError& error) {
    fuzz::require(*error.what() != '\0', "an error says something");
  }
  return 0;
}
