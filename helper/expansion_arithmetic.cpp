#include "helper/expansion_arithmetic.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace slipway::helper {
namespace {

constexpr std::string_view spaces = " \t\r\n";

struct Operator {
  std::string_view text;
  int rank;  ///< higher binds more tightly
};

// The longer ones of a common beginning first.
constexpr std::array<Operator, 19> operators{{{"**", 11},
                                              {"||", 1},
                                              {"&&", 2},
                                              {"==", 6},
                                              {"!=", 6},
                                              {"<=", 7},
                                              {">=", 7},
                                              {"<<", 8},
                                              {">>", 8},
                                              {"|", 3},
                                              {"^", 4},
                                              {"&", 5},
                                              {"<", 7},
                                              {">", 7},
                                              {"+", 9},
                                              {"-", 9},
                                              {"*", 10},
                                              {"/", 10},
                                              {"%", 10}}};
constexpr int power_rank = 11;
constexpr int deepest = 300;  // calls of the parser: several for one parenthesis

std::int64_t wrap(std::uint64_t value) {
  return static_cast<std::int64_t>(value);
}
std::uint64_t bits(std::int64_t value) {
  return static_cast<std::uint64_t>(value);
}

std::int64_t power(std::int64_t base, std::int64_t exponent) {
  if (exponent < 0) throw ExpansionError{"exponent less than 0"};
  std::uint64_t result = 1;
  for (auto factor = bits(base), left = bits(exponent); left > 0; left >>= 1, factor *= factor)
    if (left & 1) result *= factor;
  return wrap(result);
}

std::int64_t divide(std::int64_t left, std::int64_t right, bool remainder) {
  if (right == 0) throw ExpansionError{"division by 0"};
  // The smallest number has no positive counterpart.
  if (right == -1) return remainder ? 0 : wrap(0 - bits(left));
  return remainder ? left % right : left / right;
}

std::int64_t apply(std::string_view op, std::int64_t left, std::int64_t right) {
  if (op == "**") return power(left, right);
  if (op == "*") return wrap(bits(left) * bits(right));
  if (op == "/" || op == "%") return divide(left, right, op == "%");
  if (op == "+") return wrap(bits(left) + bits(right));
  if (op == "-") return wrap(bits(left) - bits(right));
  if (op == "<<") return wrap(bits(left) << (bits(right) & 63));
  if (op == ">>") return left >> (bits(right) & 63);
  if (op == "<") return left < right;
  if (op == ">") return left > right;
  if (op == "<=") return left <= right;
  if (op == ">=") return left >= right;
  if (op == "==") return left == right;
  if (op == "!=") return left != right;
  if (op == "&") return left & right;
  if (op == "^") return left ^ right;
  return left | right;
}

int digit_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'z') return c - 'a' + 10;
  if (c >= 'A' && c <= 'Z') return c - 'A' + 10;
  return 99;
}

std::int64_t number(std::string_view word) {
  std::uint64_t base = 10;
  const auto mark = word.find('#');
  if (mark != std::string_view::npos) {
    base = 0;
    for (const char c : word.substr(0, mark))
      base = c >= '0' && c <= '9' && base < 100 ? base * 10 + bits(c - '0') : 100;
    word.remove_prefix(mark + 1);
  } else if (word.starts_with("0x") || word.starts_with("0X")) {
    base = 16;
    word.remove_prefix(2);
  } else if (word.starts_with('0')) {
    base = 8;
  }
  if (base < 2 || base > 36 || word.empty()) throw ExpansionError{"invalid number in arithmetic"};
  std::uint64_t value = 0;
  for (const char c : word) {
    const auto digit = static_cast<std::uint64_t>(digit_value(c));
    if (digit >= base) throw ExpansionError{"invalid number in arithmetic"};
    value = value * base + digit;
  }
  return wrap(value);
}

class Parser {
 public:
  Parser(std::string_view text, ExpansionScope& scope, int depth)
      : rest_{text}, scope_{scope}, depth_{depth} {}

  std::int64_t parse() {
    skip_spaces();
    if (rest_.empty()) return 0;
    const auto value = list();
    if (!rest_.empty()) fail();
    return value;
  }

 private:
  struct Deeper {
    explicit Deeper(int& depth) : depth_{depth} {
      if (++depth_ > deepest) throw ExpansionError{"arithmetic is nested too deeply"};
    }
    Deeper(const Deeper&) = delete;
    ~Deeper() { --depth_; }
    int& depth_;
  };

  [[noreturn]] static void fail() { throw ExpansionError{"syntax error in arithmetic"}; }

  void skip_spaces() {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(spaces), rest_.size()));
  }
  bool take(std::string_view token) {
    if (!rest_.starts_with(token)) return false;
    rest_.remove_prefix(token.size());
    skip_spaces();
    return true;
  }
  std::string_view take_word(std::string_view more) {
    std::size_t size = 0;
    while (size < rest_.size() &&
           (is_name(rest_[size]) || more.find(rest_[size]) != std::string_view::npos))
      ++size;
    const auto word = rest_.substr(0, size);
    rest_.remove_prefix(size);
    skip_spaces();
    return word;
  }

  std::int64_t list() {
    auto value = assignment();
    while (take(",")) value = assignment();
    return value;
  }

  // Variables are looked at only where the value is wanted.
  std::int64_t value_of(std::string_view name) {
    if (skipping_ > 0) return 0;
    const Deeper deeper{depth_};
    const auto text = scope_.get(name);
    scope_.spend(100 + text.size());
    return Parser{text, scope_, depth_}.parse();
  }
  std::int64_t store(std::string_view name, std::int64_t value) {
    if (skipping_ == 0) scope_.set(name, std::to_string(value));
    return value;
  }

  std::int64_t assignment() {
    const Deeper deeper{depth_};
    if (!rest_.empty() && is_name_start(rest_.front())) {
      const auto before = rest_;
      const auto name = take_word("");
      for (const std::string_view op :
           {"=", "*=", "/=", "%=", "+=", "-=", "<<=", ">>=", "&=", "^=", "|="}) {
        if (!rest_.starts_with(op) || rest_.starts_with("==")) continue;
        take(op);
        const auto right = assignment();
        if (skipping_ > 0) return 0;
        if (op == "=") return store(name, right);
        return store(name, apply(op.substr(0, op.size() - 1), value_of(name), right));
      }
      rest_ = before;
    }
    return condition();
  }

  std::int64_t condition() {
    const auto which = binary(0);
    if (!take("?")) return which;
    const auto yes = skipped_if(which == 0, [this] { return assignment(); });
    if (!take(":")) fail();
    const auto no = skipped_if(which != 0, [this] { return assignment(); });
    return which != 0 ? yes : no;
  }

  template <class Parse>
  std::int64_t skipped_if(bool skip, Parse parse) {
    skipping_ += skip;
    const auto value = parse();
    skipping_ -= skip;
    return value;
  }

  const Operator* next_operator() const {
    for (const auto& op : operators) {
      if (!rest_.starts_with(op.text)) continue;
      // What assigns has no variable on its left.
      const auto after = rest_.substr(op.text.size());
      const bool compares = op.rank == 6 || op.rank == 7;
      if (after.starts_with('=') && !compares) fail();
      return &op;
    }
    return nullptr;
  }

  std::int64_t binary(int rank) {
    const Deeper deeper{depth_};
    auto left = unary();
    for (const auto* op = next_operator(); op && op->rank > rank; op = next_operator()) {
      take(op->text);
      scope_.spend(10);
      if (op->rank <= 2) {
        const bool decided = (op->text == "||") == (left != 0);
        const auto right = skipped_if(decided, [&] { return binary(op->rank); });
        left = decided ? left != 0 : right != 0;
        continue;
      }
      // Powers group from the right.
      const auto right = binary(op->rank == power_rank ? op->rank - 1 : op->rank);
      left = skipping_ > 0 ? 0 : apply(op->text, left, right);
    }
    return left;
  }

  std::int64_t unary() {
    const Deeper deeper{depth_};
    scope_.spend(10);
    for (const std::string_view op : {"++", "--"}) {
      if (!rest_.starts_with(op)) continue;
      const auto before = rest_;
      take(op);
      // `--1` is twice a minus.
      if (rest_.empty() || !is_name_start(rest_.front())) {
        rest_ = before;
        break;
      }
      const auto name = take_word("");
      return store(name, apply(op.substr(1), value_of(name), 1));
    }
    if (take("!")) return unary() == 0;
    if (take("~")) return ~unary();
    if (take("-")) return wrap(0 - bits(unary()));
    if (take("+")) return unary();
    return primary();
  }

  std::int64_t primary() {
    if (take("(")) {
      const auto value = list();
      if (!take(")")) fail();
      return value;
    }
    if (rest_.empty()) fail();
    if (is_name_start(rest_.front())) {
      const auto name = take_word("");
      const auto value = value_of(name);
      for (const std::string_view op : {"++", "--"})
        if (take(op)) store(name, apply(op.substr(1), value, 1));
      return value;
    }
    const auto word = take_word("#");
    if (word.empty()) fail();
    return number(word);
  }

  std::string_view rest_;
  ExpansionScope& scope_;
  int depth_;
  int skipping_ = 0;
};

}  // namespace

std::int64_t evaluate_arithmetic(std::string_view expression, ExpansionScope& scope) {
  return Parser{expression, scope, 0}.parse();
}

}  // namespace slipway::helper
