#include "config/sections.hpp"

#include <utility>

namespace slipway::config {

namespace {

/// Walks over the tokens of a TOML text, as far as they matter for finding headers.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_{text} {}

  std::vector<Section> run() {
    while (at_ < text_.size()) step();
    close(text_.size());
    return std::move(sections_);
  }

 private:
  void step() {
    const char c = text_[at_];
    if (c == '\n') {
      ++at_;
      line_ = at_;
      fresh_line_ = true;
    } else if (c == ' ' || c == '\t' || c == '\r') {
      ++at_;
    } else if (c == '#') {
      skip_comment();
    } else {
      if (c == '[' && fresh_line_ && depth_ == 0)
        open_section();
      else
        skip_token();
      fresh_line_ = false;
      content_end_ = line_end();
    }
  }

  void skip_comment() {
    at_ = text_.find('\n', at_);
    if (at_ == std::string_view::npos) at_ = text_.size();
  }

  void skip_token() {
    const char c = text_[at_];
    if (c == '"' || c == '\'') {
      skip_string();
      return;
    }
    if (c == '[' || c == '{') ++depth_;
    if ((c == ']' || c == '}') && depth_ > 0) --depth_;
    ++at_;
  }

  void skip_string() {
    const char quote = text_[at_];
    const std::string triple(3, quote);
    const bool multiline = text_.substr(at_, 3) == triple;
    at_ += multiline ? 3 : 1;
    while (at_ < text_.size()) {
      if (quote == '"' && text_[at_] == '\\') {
        at_ += 2;
      } else if (!multiline && text_[at_] == quote) {
        ++at_;
        return;
      } else if (multiline && text_.substr(at_, 3) == triple) {
        // Up to two quotes may stand right before the closing three.
        while (at_ + 3 < text_.size() && text_[at_ + 3] == quote) ++at_;
        at_ += 3;
        return;
      } else {
        ++at_;
      }
    }
    at_ = text_.size();
  }

  void open_section() {
    close(line_);
    Section section;
    section.begin = line_;
    section.array = text_.substr(at_, 2) == "[[";
    at_ += section.array ? 2 : 1;
    std::string name;
    for (; at_ < text_.size() && text_[at_] != ']' && text_[at_] != '\n';) {
      const char c = text_[at_];
      if (c == '"' || c == '\'') {
        const auto start = at_ + 1;
        skip_string();
        name += text_.substr(start, at_ - 1 - start);
        continue;
      }
      if (c == '.') section.path.push_back(std::exchange(name, {}));
      if (c != '.' && c != ' ' && c != '\t') name += c;
      ++at_;
    }
    section.path.push_back(std::move(name));
    while (at_ < text_.size() && text_[at_] == ']') ++at_;
    sections_.push_back(std::move(section));
    open_ = true;
  }

  void close(std::size_t end) {
    if (!open_) return;
    sections_.back().content_end = content_end_;
    sections_.back().end = end;
  }

  std::size_t line_end() const {
    const auto end = text_.find('\n', at_);
    return end == std::string_view::npos ? text_.size() : end + 1;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t line_ = 0;  ///< start of the current line
  std::size_t content_end_ = 0;
  int depth_ = 0;
  bool fresh_line_ = true;  ///< nothing but blanks since line_
  bool open_ = false;
  std::vector<Section> sections_;
};

}  // namespace

std::vector<Section> find_sections(std::string_view text) {
  return Scanner{text}.run();
}

}  // namespace slipway::config
