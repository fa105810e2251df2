#include "local/live_log.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace slipway::local {

namespace {

constexpr std::size_t max_line = 64u << 10;
constexpr std::string_view clear_line = "\x1b[0K";

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// The header of a timestamped line: `2031-02-03T04:05:06.000789Z 00O ` (GitLab: job log
/// timestamps).
struct Header {
  static constexpr std::string_view shape = "0000-00-00T00:00:00.000000Z xxSF";
  std::string_view stream;  ///< `01E`
  bool continues = false;
};

std::optional<Header> read_header(std::string_view line) {
  if (line.size() < Header::shape.size()) return std::nullopt;
  for (std::size_t at = 0; at < Header::shape.size(); ++at) {
    const char want = Header::shape[at];
    const char is = line[at];
    const bool fits = want == '0'   ? is_digit(is)
                      : want == 'x' ? is_digit(is) || (is >= 'a' && is <= 'f')
                      : want == 'S' ? is == 'O' || is == 'E'
                      : want == 'F' ? is == ' ' || is == '+'
                                    : is == want;
    if (!fits) return std::nullopt;
  }
  return Header{line.substr(28, 3), line[31] == '+'};
}

/// Length of the section mark at the front of `text`: `section_start:<seconds>:<name>\r\x1b[0K`; 0
/// = none.
std::size_t mark_length(std::string_view text) {
  std::size_t at = 0;
  for (const std::string_view word : {"section_start:", "section_end:"})
    if (text.starts_with(word)) at = word.size();
  if (at == 0 || at >= text.size() || !is_digit(text[at])) return 0;
  at = std::min(text.find('\r', at), text.size());
  if (at == text.size()) return 0;
  ++at;
  return text.substr(at).starts_with(clear_line) ? at + clear_line.size() : at;
}

std::string without_marks(std::string_view text, bool& found) {
  std::string result;
  while (!text.empty()) {
    const auto mark = text.find("section_");
    result += text.substr(0, mark);
    if (mark == std::string_view::npos) break;
    text.remove_prefix(mark);
    const auto length = mark_length(text);
    found = found || length > 0;
    if (length == 0) result += text.front();
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return result;
}

/// Length of the escape sequence at the front of `text` (ECMA-48 CSI, else the escape alone).
std::size_t escape_length(std::string_view text) {
  if (!text.starts_with("\x1b[")) return 1;
  const auto end =
      std::find_if(text.begin() + 2, text.end(), [](char c) { return c >= '\x40' && c <= '\x7e'; });
  return static_cast<std::size_t>(end - text.begin()) + (end == text.end() ? 0 : 1);
}

std::string harmless(std::string_view text, bool colours) {
  std::string result;
  while (!text.empty()) {
    std::size_t length = 1;
    const auto c = static_cast<unsigned char>(text.front());
    bool keep = (c >= 0x20 && c != 0x7f) || c == '\t' || (colours && c == '\r');
    if (c == 0x1b) {
      length = escape_length(text);
      const char last = text[length - 1];
      keep = colours && length > 2 && (last == 'm' || last == 'K');
    }
    if (keep) result += text.substr(0, length);
    text.remove_prefix(length);
  }
  return result;
}

}  // namespace

LiveLog::LiveLog(bool colours, std::function<void(std::string_view)> out)
    : colours_{colours}, out_{std::move(out)} {}

void LiveLog::write(std::string_view bytes) {
  pending_ += bytes;
  std::string_view rest{pending_};
  for (auto end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
    show(rest.substr(0, end));
    rest.remove_prefix(end + 1);
  }
  if (rest.size() > max_line) {
    show(rest);
    rest = {};
  }
  pending_ = std::string{rest};
}

void LiveLog::close() {
  if (!pending_.empty()) show(pending_);
  pending_.clear();
  end_line();
}

void LiveLog::show(std::string_view line) {
  const auto header = read_header(line);
  const bool joins = header && header->continues && open_ && stream_ == header->stream;
  if (!joins) end_line();
  if (header) line.remove_prefix(Header::shape.size());
  stream_ = header ? header->stream : "";
  open_ = true;
  const auto text = harmless(without_marks(line, marked_), colours_);
  visible_ = visible_ || !text.empty();
  if (!text.empty()) out_(text);
}

void LiveLog::end_line() {
  // A line of nothing but a mark was none to the one who wrote it.
  if (open_ && (visible_ || !marked_)) out_("\n");
  open_ = marked_ = visible_ = false;
}

}  // namespace slipway::local
