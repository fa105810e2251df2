#pragma once

#include <stdexcept>
#include <string>

namespace slipway::cmd {

/// Ends the command with exit code 1 and its text as a FATAL (or PANIC) line. `run_program` catches
/// it.
class Fatal : public std::runtime_error {
 public:
  enum class Word { fatal, panic };
  explicit Fatal(const std::string& text, Word word = Word::fatal)
      : std::runtime_error{text}, word_{word} {}
  Word word() const { return word_; }

 private:
  Word word_;
};

/// The same, for what GitLab Runner reports as PANIC.
inline Fatal panic(const std::string& text) {
  return Fatal{text, Fatal::Word::panic};
}

}  // namespace slipway::cmd
