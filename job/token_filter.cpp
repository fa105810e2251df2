#include "job/token_filter.hpp"

#include "job/filter_state.hpp"

namespace slipway::job {
namespace {

bool in_token(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
         c == '.' || c == '_' || c == '=';
}

}  // namespace

std::vector<std::string> default_token_prefixes(bool all) {
  if (!all) return {"glpat-"};
  return {"glpat-", "gloas-", "gldt-",    "glrt-",   "glcbt-",  "glrtr-",           "glptt-",
          "glft-",  "glimt-", "glagent-", "glsoat-", "glffct-", "_gitlab_session=", "gltok-"};
}

void TokenFilter::reset() {
  state_ = State::text;
  scan_ = 0;
}

std::string_view TokenFilter::write(std::string_view chunk) {
  out_.clear();
  std::size_t at = 0;
  std::size_t kept = 0;
  while (at < chunk.size()) {
    switch (state_) {
      case State::text:
        if (prefixes_->next(chunk, at, scan_) != 0) state_ = State::after_prefix;
        break;
      case State::after_prefix:
        // The scan goes on where it stands: a second prefix may have begun within the first.
        state_ = in_token(chunk[at]) ? State::token : State::text;
        if (state_ == State::text) break;
        out_.keep(chunk.substr(kept, at - kept));
        out_.put(masked_text);
        break;
      case State::token:
        while (at < chunk.size() && in_token(chunk[at])) ++at;
        kept = at;
        if (at < chunk.size()) reset();
        break;
    }
  }
  out_.keep(chunk.substr(kept));
  return out_.result();
}

void TokenFilter::save(StateWriter& state) const {
  state.number(static_cast<std::uint64_t>(state_));
  if (state_ != State::token) state.text(prefixes_->open_text(scan_));
}

void TokenFilter::load(StateReader& state) {
  reset();
  state_ = static_cast<State>(state.number(static_cast<std::uint64_t>(State::token)));
  if (state_ == State::token) return;
  const auto open = state.text();
  std::size_t at = 0;
  while (prefixes_->next(open, at, scan_) != 0) {
  }
}

}  // namespace slipway::job
