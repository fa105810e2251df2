#pragma once

#include <string>
#include <string_view>

#include "job/splice.hpp"

namespace slipway::job {

class StateReader;
class StateWriter;

/// Replaces each byte that is not part of a valid UTF-8 sequence by U+FFFD. A sequence that is not
/// whole yet (up to 3 bytes) is held back. What is passed on ends with a whole character.
class Utf8Filter {
 public:
  /// Valid until the next call, and as long as `chunk`.
  std::string_view write(std::string_view chunk);
  /// Replacements for what was held back.
  std::string_view flush();
  /// What later output depends on; load() of a new filter goes on from there.
  void save(StateWriter& state) const;
  /// \throws std::invalid_argument on what save() does not write.
  void load(StateReader& state);

 private:
  std::string held_;
  std::string text_;
  Splice out_;
};

/// The whole text at once.
std::string repair_utf8(std::string_view text);

}  // namespace slipway::job
