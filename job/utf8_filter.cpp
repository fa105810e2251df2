#include "job/utf8_filter.hpp"

#include <cstdint>
#include <cstring>

#include "job/filter_state.hpp"

namespace slipway::job {
namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";

/// The position of the first byte above 0x7F at or after `at`.
std::size_t skip_ascii(std::string_view text, std::size_t at) {
  while (at + 32 <= text.size()) {
    std::uint64_t words[4];
    std::memcpy(words, text.data() + at, sizeof words);
    if (((words[0] | words[1] | words[2] | words[3]) & 0x8080808080808080u) != 0) break;
    at += 32;
  }
  while (at < text.size() && static_cast<unsigned char>(text[at]) < 0x80) ++at;
  return at;
}

enum class Sequence { valid, invalid, incomplete };

/// Judges the sequence that begins at text[0] (>= 0x80); `length` is its full length if it is
/// valid.
Sequence judge(std::string_view text, std::size_t& length) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto lead = byte(0);
  unsigned char low = 0x80;
  unsigned char high = 0xBF;
  if (lead < 0xC2 || lead > 0xF4) return Sequence::invalid;
  length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  if (lead == 0xE0) low = 0xA0;   // overlong
  if (lead == 0xED) high = 0x9F;  // surrogates
  if (lead == 0xF0) low = 0x90;   // overlong
  if (lead == 0xF4) high = 0x8F;  // above U+10FFFF
  for (std::size_t i = 1; i < length; ++i, low = 0x80, high = 0xBF) {
    if (i == text.size()) return Sequence::incomplete;
    if (byte(i) < low || byte(i) > high) return Sequence::invalid;
  }
  return Sequence::valid;
}

}  // namespace

std::string_view Utf8Filter::write(std::string_view chunk) {
  out_.clear();
  auto text = chunk;
  if (!held_.empty()) {
    text_.swap(held_);
    text_ += chunk;
    held_.clear();
    text = text_;
  }
  std::size_t kept = 0;
  std::size_t at = 0;
  while ((at = skip_ascii(text, at)) < text.size()) {
    std::size_t length = 0;
    const auto sequence = judge(text.substr(at), length);
    if (sequence == Sequence::valid) {
      at += length;
      continue;
    }
    out_.keep(text.substr(kept, at - kept));
    kept = at;
    if (sequence == Sequence::incomplete) {
      held_.assign(text.substr(at));
      return out_.result();
    }
    out_.put(replacement);
    kept = ++at;
  }
  out_.keep(text.substr(kept));
  return out_.result();
}

std::string_view Utf8Filter::flush() {
  out_.clear();
  for (std::size_t i = 0; i < held_.size(); ++i) out_.put(replacement);
  held_.clear();
  return out_.result();
}

void Utf8Filter::save(StateWriter& state) const {
  state.text(held_);
}

void Utf8Filter::load(StateReader& state) {
  held_.assign(state.text());
  std::size_t length = 0;
  state.require(held_.empty() || judge(held_, length) == Sequence::incomplete);
}

std::string repair_utf8(std::string_view text) {
  Utf8Filter filter;
  std::string repaired{filter.write(text)};
  repaired += filter.flush();
  return repaired;
}

}  // namespace slipway::job
