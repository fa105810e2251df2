#pragma once

#include <cstddef>
#include <string_view>

#include "job/splice.hpp"

namespace slipway::job {

class StateReader;
class StateWriter;

/// Replaces the values of sensitive URL parameters (`?private_token=…`, `&X-Amz-Signature=…`) in
/// one stream by `[MASKED]`, even empty ones. The value ends before `?`, `&`, white space or a
/// control character. Holds nothing back.
class UrlFilter {
 public:
  /// Valid until the next call, and as long as `chunk`.
  std::string_view write(std::string_view chunk);
  /// The text that follows does not belong to this one any more.
  void reset() { state_ = State::text; }
  /// What later output depends on; load() of a new filter goes on from there.
  void save(StateWriter& state) const;
  /// \throws std::invalid_argument on what save() does not write.
  void load(StateReader& state);

 private:
  enum class State { text, key, value };
  /// The byte after `at`, at which the key ends one way or the other.
  std::size_t read_key(std::string_view chunk, std::size_t at);
  void begin_key();

  State state_ = State::text;
  unsigned candidates_ = 0;  // one bit per key that still fits
  std::size_t length_ = 0;   // of the key so far
  Splice out_;
};

}  // namespace slipway::job
