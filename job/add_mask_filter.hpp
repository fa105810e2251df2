#pragma once

#include <string>
#include <string_view>

#include "job/splice.hpp"

namespace slipway::job {

class StateReader;
class StateWriter;

/// Takes the lines `::add-mask::VALUE` out of one stream: the job names a value that is to be
/// hidden from here on. Text that may still become such a line is held back, the value with it.
class AddMaskFilter {
 public:
  /// What one call found.
  struct Named {
    std::string value;      ///< trimmed; "" = none
    bool too_long = false;  ///< one was longer than longest_value, and is not kept
  };
  static constexpr std::size_t longest_value = 16384;

  /// What can be passed on; valid until the next call, and as long as the text of `chunk`. Takes
  /// from the front of `chunk`: all of it, or up to the end of a line that names a value, so that
  /// the value does not count in what came before it.
  std::string_view write(std::string_view& chunk, Named& named);
  /// What was held back, when nothing more comes: a line without its end counts as whole.
  std::string_view flush(Named& named);

  /// What later output depends on; load() of a new filter goes on from there.
  void save(StateWriter& state) const;
  /// \throws std::invalid_argument on what save() does not write.
  void load(StateReader& state);

 private:
  enum class State {
    start,     ///< of a line: seen_ characters of the command so far
    text,      ///< in a line that is none
    value,     ///< behind the command
    discarded  ///< in a value that is too long for one
  };
  void take(Named& named);

  State state_ = State::start;
  std::size_t seen_ = 0;
  std::string value_;
  Splice out_;
};

}  // namespace slipway::job
