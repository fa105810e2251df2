#include "local/ci/pattern.hpp"

#include <re2/re2.h>

namespace slipway::local::ci {

struct Pattern::Compiled {
  RE2 expression;
};

namespace {

RE2::Options quiet_options() {
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(std::int64_t{1} << 22);
  return options;
}

}  // namespace

Pattern::Pattern(const std::string& expression) {
  const auto options = quiet_options();
  auto compiled = std::shared_ptr<Compiled>{new Compiled{RE2{expression, options}}};
  if (!compiled->expression.ok()) {
    error_ = compiled->expression.error();
    if (error_.empty()) error_ = "too large";
  }
  compiled_ = std::move(compiled);
}

std::optional<Pattern> Pattern::from_slashes(std::string_view text) {
  const auto last = text.rfind('/');
  if (text.empty() || text[0] != '/' || last == 0) return std::nullopt;
  const auto flags = text.substr(last + 1);
  if (flags.find_first_not_of("ismU") != std::string_view::npos) return std::nullopt;
  std::string expression{text.substr(1, last - 1)};
  if (!flags.empty()) expression.insert(0, "(?" + std::string{flags} + ")");
  return Pattern{expression};
}

bool Pattern::found_in(std::string_view text) const {
  return ok() &&
         RE2::PartialMatch(re2::StringPiece{text.data(), text.size()}, compiled_->expression);
}

}  // namespace slipway::local::ci
