#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway::job {

/// One job variable. GitLab API: `variables[]` of POST /jobs/request; `internal` is set by the
/// runner alone.
struct Variable {
  std::string key;
  std::string value;
  bool is_public = false;
  bool masked = false;
  bool raw = false;
  bool file = false;
  bool internal = false;

  friend bool operator==(const Variable&, const Variable&) = default;
};

/// The ordered list of a job's variables: duplicates are kept, the last entry of a key wins on
/// lookup.
class Variables {
 public:
  Variables() = default;
  explicit Variables(std::vector<Variable> list) : list_{std::move(list)} {}

  void add(Variable variable) { list_.push_back(std::move(variable)); }
  /// Appends a public, internal variable made by the runner.
  void add_internal(std::string key, std::string value);
  void append(const Variables& other);
  const std::vector<Variable>& list() const { return list_; }

  /// The value of the last entry with that key, "" if there is none. A file variable's value is its
  /// content here.
  std::string get(std::string_view key) const;
  std::optional<std::string> find(std::string_view key) const;
  /// A setting: `true`/`false` words as GitLab reads them, otherwise (also unset) `fallback`.
  bool get_bool(std::string_view key, bool fallback) const;
  /// The first entry's value is replaced (CI_JOB_STATUS before after_script), appended if there is
  /// none.
  void overwrite_first(std::string_view key, std::string value);

  /// `text` with `$NAME`/`${NAME}` replaced once from this list; a file variable yields its path
  /// `<RUNNER_TEMP_PROJECT_DIR>/<KEY>`. Rules: spec table of variable expansion.
  /// \throws Failure (runner_configuration_error) if the result is over 64 MiB.
  std::string expand(std::string_view text) const;
  /// Every non-raw value expanded once against the unexpanded list.
  /// \throws Failure (runner_configuration_error) if all results together are over 64 MiB.
  Variables expanded() const;
  /// The values to hide in the log: masked ones, trimmed, without empty ones and duplicates,
  /// longest first.
  std::vector<std::string> masked_values() const;

 private:
  std::vector<Variable> list_;
};

}  // namespace slipway::job
