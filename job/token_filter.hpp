#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "job/splice.hpp"
#include "job/value_matcher.hpp"

namespace slipway::job {

class StateReader;
class StateWriter;

/// The prefixes of GitLab's tokens that are always looked for; `all` adds those of
/// FF_MASK_ALL_DEFAULT_TOKENS.
std::vector<std::string> default_token_prefixes(bool all);

/// Replaces what follows a token prefix in one stream (`[0-9A-Za-z._=-]`, one or more) by
/// `[MASKED]`; the prefix stays. Every prefix counts, unlike in GitLab Runner, which uses the 15
/// shortest. Holds nothing back.
class TokenFilter {
 public:
  /// `prefixes` must outlive the filter.
  explicit TokenFilter(const ValueMatcher& prefixes) : prefixes_{&prefixes} {}

  /// Valid until the next call, and as long as `chunk`.
  std::string_view write(std::string_view chunk);
  /// The text that follows does not belong to this one any more.
  void reset();
  /// What later output depends on; load() of a new filter goes on from there.
  void save(StateWriter& state) const;
  /// \throws std::invalid_argument on what save() does not write.
  void load(StateReader& state);

 private:
  enum class State { text, after_prefix, token };

  const ValueMatcher* prefixes_;
  State state_ = State::text;
  ValueMatcher::State scan_ = 0;
  Splice out_;
};

}  // namespace slipway::job
