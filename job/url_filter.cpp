#include "job/url_filter.hpp"

#include <algorithm>
#include <array>
#include <bit>

#include "job/filter_state.hpp"

namespace slipway::job {
namespace {

constexpr std::array<std::string_view, 6> keys{"private_token",    "authenticity_token",
                                               "rss_token",        "x-amz-signature",
                                               "x-amz-credential", "x-amz-security-token"};

bool begins_parameter(char c) {
  return c == '?' || c == '&';
}

bool ends_value(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return begins_parameter(c) || byte <= 0x20 || byte == 0x7f;
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// The next `?` or `&`; each of them is looked for once per stretch without it.
class Marks {
 public:
  explicit Marks(std::string_view text) : text_{text} {}
  std::size_t next(std::size_t from) {
    if (question_ < from || from == 0) question_ = find('?', from);
    if (ampersand_ < from || from == 0) ampersand_ = find('&', from);
    return std::min(question_, ampersand_);
  }

 private:
  std::size_t find(char c, std::size_t from) const {
    return std::min(text_.find(c, from), text_.size());
  }
  std::string_view text_;
  std::size_t question_ = 0;
  std::size_t ampersand_ = 0;
};

}  // namespace

void UrlFilter::begin_key() {
  state_ = State::key;
  candidates_ = (1u << keys.size()) - 1;
  length_ = 0;
}

std::size_t UrlFilter::read_key(std::string_view chunk, std::size_t at) {
  for (; at < chunk.size(); ++at) {
    const char c = lower(chunk[at]);
    if (begins_parameter(c)) {
      begin_key();
      continue;
    }
    unsigned fitting = 0;
    for (std::size_t k = 0; k < keys.size(); ++k) {
      if ((candidates_ >> k & 1) == 0) continue;
      if (length_ == keys[k].size() && c == '=') {
        state_ = State::value;
        return at + 1;
      }
      if (length_ < keys[k].size() && keys[k][length_] == c) fitting |= 1u << k;
    }
    candidates_ = fitting;
    ++length_;
    if (fitting == 0) {
      state_ = State::text;
      return at + 1;
    }
  }
  return at;
}

std::string_view UrlFilter::write(std::string_view chunk) {
  out_.clear();
  Marks marks{chunk};
  std::size_t at = 0;
  std::size_t kept = 0;
  while (at < chunk.size()) {
    if (state_ == State::text) {
      at = marks.next(at);
      if (at == chunk.size()) break;
      ++at;
      begin_key();
    } else if (state_ == State::key) {
      at = read_key(chunk, at);
      if (state_ != State::value) continue;
      out_.keep(chunk.substr(kept, at - kept));
      out_.put(masked_text);
      kept = at;
    } else {
      while (at < chunk.size() && !ends_value(chunk[at])) ++at;
      kept = at;
      if (at < chunk.size()) state_ = State::text;
    }
  }
  out_.keep(chunk.substr(kept));
  return out_.result();
}

void UrlFilter::save(StateWriter& state) const {
  state.number(static_cast<std::uint64_t>(state_));
  if (state_ != State::key) return;
  // The text of the key so far, so that the list of keys may change.
  const auto fitting = static_cast<std::size_t>(std::countr_zero(candidates_));
  state.text(keys[fitting].substr(0, length_));
}

void UrlFilter::load(StateReader& state) {
  state_ = static_cast<State>(state.number(static_cast<std::uint64_t>(State::value)));
  if (state_ != State::key) return;
  begin_key();
  const auto key = state.text();
  state.require(read_key(key, 0) == key.size() && state_ == State::key);
}

}  // namespace slipway::job
