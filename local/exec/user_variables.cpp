#include "local/exec/user_variables.hpp"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace slipway::local::exec {

namespace {

constexpr std::string_view blanks = " \t\r";

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(blanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

bool is_name(std::string_view text) {
  if (text.empty() || std::isdigit(static_cast<unsigned char>(text[0])) != 0) return false;
  return std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return c < 0x80 && (std::isalnum(c) != 0 || c == '_');
  });
}

/// Goes through a text line by line; a quoted value may take several.
class Reader {
 public:
  Reader(std::string_view text, std::string name) : text_{text}, name_{std::move(name)} {}

  bool next_line(std::string_view& line) {
    if (text_.empty()) return false;
    const auto end = std::min(text_.find('\n'), text_.size());
    line = text_.substr(0, end);
    text_.remove_prefix(std::min(end + 1, text_.size()));
    ++number_;
    return true;
  }

  [[noreturn]] void fail(const std::string& text) const {
    throw std::invalid_argument{name_ + ":" + std::to_string(number_) + ": " + text};
  }

  /// What stands after `=`.
  std::string value(std::string_view rest) {
    rest = trimmed(rest);
    if (rest.starts_with('\'')) {
      if (rest.size() < 2 || !rest.ends_with('\'')) fail("the value's ' is not closed");
      return std::string{rest.substr(1, rest.size() - 2)};
    }
    return rest.starts_with('"') ? quoted(rest.substr(1)) : std::string{rest};
  }

 private:
  std::string quoted(std::string_view rest) {
    std::string value;
    while (true) {
      for (std::size_t at = 0; at < rest.size(); ++at) {
        if (rest[at] == '"') {
          if (!trimmed(rest.substr(at + 1)).empty()) fail("something follows the value's \"");
          return value;
        }
        if (rest[at] == '\\' && at + 1 < rest.size()) {
          const char c = rest[++at];
          if (c == 'n') {
            value += '\n';
          } else {
            if (c != '"' && c != '\\') value += '\\';
            value += c;
          }
        } else {
          value += rest[at];
        }
      }
      value += '\n';
      if (!next_line(rest)) fail("the value's \" is not closed");
    }
  }

  std::string_view text_;
  std::string name_;
  int number_ = 0;
};

void read_flags(Reader& reader, std::string_view& line, job::Variable& variable) {
  if (!line.starts_with('[')) return;
  const auto end = line.find(']');
  if (end == std::string_view::npos) reader.fail("the [ is not closed");
  auto flags = line.substr(1, end - 1);
  line = trimmed(line.substr(end + 1));
  while (!flags.empty()) {
    const auto comma = std::min(flags.find(','), flags.size());
    const auto flag = trimmed(flags.substr(0, comma));
    if (flag == "masked") {
      variable.masked = true;
    } else if (flag == "file") {
      variable.file = true;
    } else if (flag == "raw") {
      variable.raw = true;
    } else {
      reader.fail("[" + std::string{flag} + "] is not known; known: masked, file, raw");
    }
    flags.remove_prefix(std::min(comma + 1, flags.size()));
  }
}

}  // namespace

job::Variables parse_user_variables(std::string_view text, const std::string& name) {
  Reader reader{text, name};
  job::Variables result;
  std::string_view line;
  while (reader.next_line(line)) {
    line = trimmed(line);
    if (line.empty() || line.starts_with('#')) continue;
    job::Variable variable;
    read_flags(reader, line, variable);
    if (line.starts_with("export ")) line = trimmed(line.substr(7));
    const auto equals = line.find('=');
    if (equals == std::string_view::npos)
      reader.fail("a line should be a name and a value with an equals sign between");
    variable.key = trimmed(line.substr(0, equals));
    if (!is_name(variable.key)) reader.fail("the name is made of other than letters, digits and _");
    variable.value = reader.value(line.substr(equals + 1));
    result.add(std::move(variable));
  }
  return result;
}

job::Variables load_user_variables(const std::filesystem::path& file) {
  std::ifstream stream{file, std::ios::binary};
  if (!stream) throw std::runtime_error{"cannot read the variables in " + file.string()};
  std::ostringstream text;
  text << stream.rdbuf();
  return parse_user_variables(std::move(text).str(), file.string());
}

job::Variable parse_assignment(std::string_view text, bool masked) {
  const auto equals = text.find('=');
  job::Variable variable;
  variable.key = text.substr(0, equals);
  if (equals == std::string_view::npos || !is_name(variable.key))
    throw std::invalid_argument{
        "a variable is given as a name and a value with an equals sign between"};
  variable.value = text.substr(equals + 1);
  variable.masked = masked;
  return variable;
}

job::Variables parse_dotenv(std::string_view text) {
  constexpr std::size_t max_size = 5'120;
  if (text.size() > max_size) throw std::invalid_argument{"it is larger than 5 KiB"};
  Reader reader{text, "line"};
  job::Variables result;
  std::string_view line;
  while (reader.next_line(line)) {
    if (trimmed(line).empty()) continue;
    const auto equals = line.find('=');
    job::Variable variable;
    variable.key = trimmed(line.substr(0, equals));
    if (equals == std::string_view::npos || !is_name(variable.key))
      reader.fail("it is not a name and a value with an equals sign between");
    variable.value = trimmed(line.substr(equals + 1));
    variable.is_public = false;
    result.add(std::move(variable));
  }
  return result;
}

}  // namespace slipway::local::exec
