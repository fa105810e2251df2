#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace slipway::local::yaml {

/// Where something stands: a file of a `Sources`, line and column from 1, in characters. Line 0:
/// nowhere in a file.
struct Mark {
  std::uint32_t source = 0;
  std::uint32_t line = 0;
  std::uint32_t column = 0;

  friend bool operator==(const Mark&, const Mark&) = default;
};

/// What is wrong with a text, and where. The text names neither file nor line: `Sources` does.
class Error : public std::runtime_error {
 public:
  Error(Mark mark, const std::string& text) : std::runtime_error{text}, mark_{mark} {}
  const Mark& mark() const { return mark_; }

 private:
  Mark mark_;
};

/// Something odd that is no error, such as a key that stands twice.
struct Warning {
  Mark mark;
  std::string text;
};

/// The files of one configuration and how they came in. Marks hold indices into it. Plain data.
class Sources {
 public:
  /// `included_from`: the `include` entry that named the file; line 0 for the first file.
  std::uint32_t add(std::string name, Mark included_from = {});
  const std::string& name(std::uint32_t source) const;
  Mark included_from(std::uint32_t source) const;
  std::size_t size() const { return files_.size(); }

  /// `file:line:column`; without the numbers where the mark has none.
  std::string describe(const Mark& mark) const;
  /// The includes that lead to the mark's file, the nearest first, each as describe() gives it.
  std::vector<std::string> chain(const Mark& mark) const;

 private:
  struct File {
    std::string name;
    Mark included_from;
  };
  std::vector<File> files_;
};

}  // namespace slipway::local::yaml
