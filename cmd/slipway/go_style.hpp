#pragma once

#include <CLI/App.hpp>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace slipway::cmd {

/// A command line that cannot be understood; its text follows `Incorrect Usage: `.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Flags as CLI11 reads them unmistakably, and what follows the last one.
struct GoStyle {
  std::vector<std::string> words;
  std::span<const std::string> rest;  ///< from the first word that is no flag
};

/// Reads the flags that `words` begins with the way Go programs do: `-flag` is `--flag`, a valued
/// flag takes the next word whatever it looks like, `--` ends the flags; also `--flag true` for a
/// boolean. An option with MultiOptionPolicy::TakeAll gets its environment variable's value before
/// the others.
/// \throws UsageError for a flag that `app` does not have, one without its value, a boolean that is
/// none.
GoStyle read_go_style(const CLI::App& app, std::span<const std::string> words);

bool is_boolean_flag(const CLI::Option& option);

}  // namespace slipway::cmd
