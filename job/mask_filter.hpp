#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "job/splice.hpp"
#include "job/value_matcher.hpp"

namespace slipway::job {

class StateReader;
class StateWriter;

/// Replaces every occurrence of the secret values in one stream by `[MASKED]`, over any chunk
/// borders. Occurrences that overlap become one `[MASKED]`, adjacent ones one each. Text that may
/// still become a secret is held back: never more than the longest value.
class MaskFilter {
 public:
  /// `values` must live until the filter's end or until the next use() has returned.
  explicit MaskFilter(const ValueMatcher& values) : values_{&values} {}

  /// What can be passed on; valid until the next call, and as long as `chunk`.
  std::string_view write(std::string_view chunk);
  /// What was held back; a partial match is passed on as it is.
  std::string_view flush();
  /// Looks for `values` instead from here on, also in what is held back.
  void use(const ValueMatcher& values);
  /// What later output depends on; load() of a new filter goes on from there, also with other
  /// values.
  void save(StateWriter& state) const;
  /// \throws std::invalid_argument on what save() does not write.
  void load(StateReader& state);

 private:
  struct Range {
    std::uint64_t begin, end;
  };
  std::string open_text() const;
  void resume(std::string_view text, std::size_t covered);
  void scan(std::string_view text, std::size_t from);
  void add(Range match);
  void emit(std::string_view text, std::uint64_t safe);

  const ValueMatcher* values_;
  ValueMatcher::State state_ = 0;
  std::uint64_t begin_ = 0;  // position in the stream of the first byte held back
  std::uint64_t covered_ =
      0;  // up to here a [MASKED] has been emitted; a match that begins before belongs to it
  std::string held_;
  std::string text_;          // what the last result may refer to
  std::vector<Range> found_;  // not emitted yet, apart from each other, in order
  Splice out_;
};

}  // namespace slipway::job
