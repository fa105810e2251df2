#include "local/yaml/emit.hpp"

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <utility>

namespace slipway::local::yaml {
namespace {

constexpr std::string_view hex = "0123456789abcdef";

bool reads_as_itself(std::string_view text) {
  try {
    return resolve_plain(text).kind == Kind::string;
  } catch (const DateScalar&) {
    return false;
  }
}

/// Whether `text` may stand without quotes as a value of block style or as a key.
bool may_be_plain(std::string_view text) {
  constexpr std::string_view indicators = "-?:,[]{}#&*!|>'\"%@`";
  if (text.empty() || text.front() == ' ' || text.back() == ' ' || text == "<<") return false;
  if (indicators.find(text.front()) != std::string_view::npos) return false;
  if (text.starts_with("---") || text.starts_with("...")) return false;
  if (text.find(": ") != std::string_view::npos || text.find(" #") != std::string_view::npos)
    return false;
  if (text.back() == ':') return false;
  const bool odd = std::any_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7f;
  });
  return !odd && reads_as_itself(text);
}

/// The character at the front of valid UTF-8, and how many bytes it has.
std::pair<std::uint32_t, std::size_t> first_character(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  if (first < 0x80) return {first, 1};
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  std::uint32_t code = first & (0xffu >> (length + 1));
  for (std::size_t at = 1; at < length && at < text.size(); ++at)
    code = code << 6 | (static_cast<unsigned char>(text[at]) & 0x3fu);
  return {code, std::min(length, text.size())};
}

/// Control characters, line breaks other than `\n` and what YAML does not take unescaped.
bool must_be_escaped(std::uint32_t code) {
  return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x2028 || code == 0x2029 ||
         code == 0xfeff || (code >= 0xfffe && code <= 0xffff);
}

std::string quoted(std::string_view text) {
  std::string result = "\"";
  while (!text.empty()) {
    const auto [code, length] = first_character(text);
    if (code == '"' || code == '\\') {
      result += '\\';
      result += static_cast<char>(code);
    } else if (code == '\n') {
      result += "\\n";
    } else if (must_be_escaped(code)) {
      result += "\\u";
      for (int shift = 12; shift >= 0; shift -= 4) result += hex[code >> shift & 15];
    } else {
      result += text.substr(0, length);
    }
    text.remove_prefix(length);
  }
  return result + "\"";
}

/// A text of several lines whose lines a `|` block can hold as they are.
bool may_be_block(std::string_view text) {
  if (text.find('\n') == std::string_view::npos || text.size() < 2) return false;
  if (text.front() == ' ' || text.front() == '\n' || text.front() == '\t') return false;
  // One newline at the end or none; more would need another indicator.
  if (text.ends_with("\n\n") || text.find("\n ") == 0) return false;
  return std::none_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\n' && c != '\t') || byte >= 0x7f;
  });
}

class Emitter {
 public:
  std::string take() { return std::move(out_); }

  /// `node` as the value after a key or `- `; the line is open, and closed afterwards.
  void value(const Node& node, std::size_t indent, bool in_list) {
    if (node.is_mapping() && !node.entries().empty()) {
      if (!in_list) out_ += '\n';
      mapping(node, indent, in_list);
    } else if (node.is_sequence() && !node.items().empty()) {
      out_ += '\n';
      for (const auto& item : node.items()) {
        out_.append(indent, ' ');
        out_ += '-';
        value(*item, indent + 2, true);
      }
    } else {
      out_ += ' ';
      scalar(node, indent);
      out_ += '\n';
    }
  }

  void mapping(const Node& node, std::size_t indent, bool first_on_line) {
    bool first = first_on_line;
    for (const auto& entry : node.entries().entries()) {
      if (first) {
        out_ += ' ';
      } else {
        out_.append(indent, ' ');
      }
      first = false;
      const bool plain = may_be_plain(entry.key) || entry.key_kind != Kind::string;
      out_ += plain ? entry.key : quoted(entry.key);
      out_ += ':';
      value(*entry.value, indent + 2, false);
    }
  }

  void scalar(const Node& node, std::size_t indent) {
    const auto& text = node.text();
    if (node.is_mapping()) {
      out_ += "{}";
    } else if (node.is_sequence()) {
      out_ += "[]";
    } else if (node.is_reference()) {
      out_ += "!reference [";
      for (const auto& name : node.items())
        out_ += (name == node.items().front() ? "" : ", ") + quoted(name->text());
      out_ += ']';
    } else if (node.is_null()) {
      out_ += "null";
    } else if (node.kind() == Kind::real && text.find("I") != std::string::npos) {
      out_ += text.starts_with('-') ? "-.inf" : ".inf";
    } else if (node.kind() == Kind::real && text == "NaN") {
      out_ += ".nan";
    } else if (!node.is_string()) {
      out_ += text;
    } else if (may_be_block(text)) {
      block(text, indent);
    } else {
      out_ += may_be_plain(text) ? text : quoted(text);
    }
  }

  void block(std::string_view text, std::size_t indent) {
    out_ += text.ends_with('\n') ? "|" : "|-";
    if (text.ends_with('\n')) text.remove_suffix(1);
    while (true) {
      const auto end = text.find('\n');
      const auto line = text.substr(0, end);
      out_ += '\n';
      if (!line.empty()) out_.append(indent, ' ').append(line);
      if (end == std::string_view::npos) return;
      text.remove_prefix(end + 1);
    }
  }

 private:
  std::string out_;
};

}  // namespace

std::string emit(const Node& node) {
  Emitter emitter;
  if (node.is_mapping() && !node.entries().empty()) {
    emitter.mapping(node, 0, false);
    return emitter.take();
  }
  emitter.value(node, 0, false);
  auto text = emitter.take();
  return text.substr(text.find_first_not_of(" \n"));
}

}  // namespace slipway::local::yaml
