#include "local/ci/interpolate.hpp"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>

#include "local/ci/variables.hpp"

namespace slipway::local::ci {
namespace {

constexpr std::string_view opening = "$[[";
constexpr std::string_view closing = "]]";
constexpr std::size_t max_block = 1024;
constexpr std::size_t max_blocks = 10'000;
constexpr std::size_t max_functions = 3;
constexpr std::size_t max_text = std::size_t{4} << 20;

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

nlohmann::json to_json(const yaml::Node& value) {
  using yaml::Kind;
  switch (value.kind()) {
    case Kind::null:
      return nullptr;
    case Kind::boolean:
      return value.truth();
    case Kind::integer:
    case Kind::real: {
      auto number = nlohmann::json::parse(value.text(), nullptr, false);
      return number.is_discarded() ? nlohmann::json(value.text()) : number;
    }
    case Kind::string:
      return value.text();
    case Kind::sequence:
    case Kind::reference: {
      auto list = nlohmann::json::array();
      for (const auto& item : value.items()) list.push_back(to_json(*item));
      return list;
    }
    case Kind::mapping: {
      auto object = nlohmann::json::object();
      for (const auto& entry : value.entries().entries()) object[entry.key] = to_json(*entry.value);
      return object;
    }
  }
  return nullptr;
}

std::string escape_posix(const std::string& text) {
  if (text.empty()) return "''";
  std::string result;
  for (const char c : text) {
    constexpr std::string_view safe = "_-.,:+/@";
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n') {
      result += "'\n'";
      continue;
    }
    if (std::isalnum(byte) == 0 && byte < 0x80 && safe.find(c) == std::string_view::npos)
      result += '\\';
    result += c;
  }
  return result;
}

std::string quote_posix(const std::string& text) {
  std::string result = "'";
  for (const char c : text) {
    if (c == '\'') {
      result += "'\\''";
    } else {
      result += c;
    }
  }
  return result + "'";
}

/// The two numbers of `truncate(1,2)`.
std::optional<std::pair<std::size_t, std::size_t>> truncate_arguments(std::string_view text) {
  if (!text.starts_with("truncate(") || !text.ends_with(")")) return std::nullopt;
  text = text.substr(9, text.size() - 10);
  const auto comma = text.find(',');
  if (comma == std::string_view::npos) return std::nullopt;
  std::size_t values[2] = {0, 0};
  const std::string_view parts[2] = {trimmed(text.substr(0, comma)),
                                     trimmed(text.substr(comma + 1))};
  for (int at = 0; at < 2; ++at) {
    const auto* end = parts[at].data() + parts[at].size();
    const auto result = std::from_chars(parts[at].data(), end, values[at]);
    if (result.ptr != end || result.ec != std::errc{} || parts[at].empty()) return std::nullopt;
  }
  return std::pair{values[0], values[1]};
}

std::string apply(std::string_view function, const std::string& value,
                  const VariableLookup& variables) {
  if (function == "expand_vars") return expand_references(value, variables, Undefined::keep);
  if (function == "posix_escape") return escape_posix(value);
  if (function == "posix_quote") return quote_posix(value);
  const auto range = truncate_arguments(function);
  if (!range) throw std::invalid_argument{"no function '" + std::string{function} + "'"};
  if (range->first >= value.size()) return {};
  return value.substr(range->first, range->second);
}

std::string evaluate(std::string_view block, const InputValues& inputs,
                     const VariableLookup& variables) {
  std::vector<std::string_view> parts;
  for (auto rest = block; true;) {
    const auto bar = rest.find('|');
    parts.push_back(trimmed(rest.substr(0, bar)));
    if (bar == std::string_view::npos) break;
    rest.remove_prefix(bar + 1);
  }
  if (parts.size() > max_functions + 1) throw std::invalid_argument{"more than three functions"};
  const auto access = parts[0];
  if (!access.starts_with("inputs."))
    throw std::invalid_argument{"'" + std::string{access} + "' is not known; inputs.NAME is"};
  const auto found = inputs.find(access.substr(7));
  if (found == inputs.end())
    throw std::invalid_argument{"there is no input '" + std::string{access.substr(7)} + "'"};
  const auto& value = *found->second;
  if (parts.size() == 1) return value.is_string() ? value.text() : to_json_text(value);
  if (!value.is_string())
    throw std::invalid_argument{"functions take strings, the input '" + found->first + "' is " +
                                std::string{yaml::kind_name(value.kind())}};
  auto text = value.text();
  for (std::size_t at = 1; at < parts.size(); ++at) text = apply(parts[at], text, variables);
  return text;
}

}  // namespace

class Interpolator {
 public:
  Interpolator(std::uint32_t source, std::uint32_t first_line) : source_{source} {
    in_.line = first_line;
  }

  Interpolated run(std::string_view text, const InputValues& inputs,
                   const VariableLookup& variables) {
    std::size_t blocks = 0;
    while (true) {
      const auto begin = text.find(opening);
      const auto end = begin == std::string_view::npos ? begin : text.find(closing, begin);
      if (end == std::string_view::npos) {
        copy(text);
        return std::move(result_);
      }
      copy(text.substr(0, begin));
      const auto whole = text.substr(begin, end + closing.size() - begin);
      const auto block = trimmed(whole.substr(opening.size(), end - begin - opening.size()));
      text.remove_prefix(end + closing.size());
      if (block.starts_with("matrix.")) {
        copy(whole);
        continue;
      }
      if (++blocks > max_blocks) fail("more than 10,000 $[[ ]] blocks");
      if (block.size() > max_block) fail("a $[[ ]] block of more than 1,024 bytes");
      replace(whole, block, inputs, variables);
    }
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw yaml::Error{{source_, in_.line, in_.column}, what};
  }

  void replace(std::string_view whole, std::string_view block, const InputValues& inputs,
               const VariableLookup& variables) {
    std::string value;
    try {
      value = evaluate(block, inputs, variables);
    } catch (const std::invalid_argument& error) {
      fail("$[[ " + std::string{block} + " ]]: " + error.what());
    } catch (const std::length_error& error) {
      fail("$[[ " + std::string{block} + " ]]: " + error.what());
    }
    result_.pieces_.push_back({out_, in_, false});
    append(value);
    advance(in_, whole);
  }

  void copy(std::string_view text) {
    if (text.empty()) return;
    result_.pieces_.push_back({out_, in_, true});
    append(text);
    advance(in_, text);
  }

  void append(std::string_view text) {
    if (result_.text_.size() + text.size() > max_text) fail("larger than 4 MiB with its inputs");
    result_.text_ += text;
    advance(out_, text);
  }

  static void advance(Interpolated::Position& position, std::string_view text) {
    for (const char c : text) {
      if (c == '\n') {
        ++position.line;
        position.column = 1;
      } else if ((static_cast<unsigned char>(c) & 0xc0) != 0x80) {
        ++position.column;
      }
    }
  }

  std::uint32_t source_;
  Interpolated::Position in_;
  Interpolated::Position out_;
  Interpolated result_;
};

yaml::Mark Interpolated::place(std::uint32_t source, std::uint32_t line,
                               std::uint32_t column) const {
  const auto after = std::upper_bound(pieces_.begin(), pieces_.end(), std::pair{line, column},
                                      [](const auto& at, const Piece& p) {
                                        return at < std::pair{p.out.line, p.out.column};
                                      });
  if (after == pieces_.begin()) return {source, line, column};
  const auto& piece = *std::prev(after);
  if (!piece.copied) return {source, piece.in.line, piece.in.column};
  if (line == piece.out.line)
    return {source, piece.in.line, piece.in.column + (column - piece.out.column)};
  return {source, piece.in.line + (line - piece.out.line), column};
}

Interpolated interpolate(std::string_view text, std::uint32_t source, std::uint32_t first_line,
                         const InputValues& inputs, const VariableLookup& variables) {
  return Interpolator{source, first_line}.run(text, inputs, variables);
}

std::string to_json_text(const yaml::Node& value) {
  if (value.kind() == yaml::Kind::integer || value.kind() == yaml::Kind::real) return value.text();
  return to_json(value).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace slipway::local::ci
