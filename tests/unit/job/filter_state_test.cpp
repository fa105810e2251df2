#include "job/filter_state.hpp"

#include <gmock/gmock.h>

#include <stdexcept>
#include <vector>

#include "state_copy.hpp"

namespace slipway::job {
namespace {

constexpr auto highest = std::numeric_limits<std::uint64_t>::max();

std::string numbers(const std::vector<std::uint64_t>& values) {
  StateWriter writer;
  for (const auto value : values) writer.number(value);
  return std::move(writer).finish();
}

std::string problem(const std::string& state) {
  try {
    StateReader reader{state};
    while (true) reader.number();
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
}

TEST(FilterState, GivesBackWhatWasWritten) {
  const std::vector<std::uint64_t> values{0,      1,        127,     128,         16'383,
                                          16'384, 1u << 21, highest, highest - 1, highest / 2 + 1};
  StateWriter writer;
  for (const auto value : values) {
    writer.number(value);
    writer.text(std::to_string(value));
  }
  writer.text("");
  writer.text(std::string("a\0\xff", 3));
  const auto state = std::move(writer).finish();
  StateReader reader{state};
  for (const auto value : values) {
    EXPECT_EQ(reader.number(), value);
    EXPECT_EQ(reader.text(), std::to_string(value));
  }
  EXPECT_EQ(reader.text(), "");
  EXPECT_EQ(reader.text(), std::string("a\0\xff", 3));
  EXPECT_NO_THROW(reader.end());
}

TEST(FilterState, TheDocumentedLayout) {
  StateWriter writer;
  writer.number(300);
  writer.text("ab");
  // CRC-32 of ac 02 02 61 62.
  EXPECT_THAT(std::move(writer).finish(), testing::StrEq("\x02\xfd\xc3\x22\x05\xac\x02\x02"
                                                         "ab"));
}

TEST(FilterState, EveryCutAndEveryFlippedBitIsFound) {
  StateWriter writer;
  writer.number(5);
  writer.text("some text of a state");
  writer.number(1u << 30);
  const auto state = std::move(writer).finish();
  for (std::size_t size = 0; size < state.size(); ++size) {
    EXPECT_THROW(StateReader{std::string_view{state}.substr(0, size)}, std::invalid_argument);
  }
  for (std::size_t bit = 0; bit < 8 * state.size(); ++bit) {
    auto damaged = state;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ 1 << bit % 8);
    EXPECT_THROW(StateReader{damaged}, std::invalid_argument) << bit;
  }
  EXPECT_THROW(StateReader{state + "x"}, std::invalid_argument);
}

TEST(FilterState, ANewerVersionIsToldFromDamage) {
  auto state = numbers({1});
  state[0] = 3;
  EXPECT_THAT(problem(state), testing::HasSubstr("newer version"));
  state[0] = static_cast<char>(0xFF);
  EXPECT_THAT(problem(state), testing::HasSubstr("newer version"));
  state[0] = 0;
  EXPECT_THAT(problem(state), testing::HasSubstr("damaged"));
  EXPECT_THAT(problem(""), testing::HasSubstr("damaged"));
}

TEST(FilterState, ReadersAreBounded) {
  const auto three = numbers({3});
  EXPECT_EQ(StateReader{three}.number(3), 3u);
  EXPECT_THROW(StateReader{three}.number(2), std::invalid_argument);
  EXPECT_THROW(StateReader{three}.flag(), std::invalid_argument);
  EXPECT_THROW(StateReader{three}.end(), std::invalid_argument);
  EXPECT_THROW(StateReader{three}.text(), std::invalid_argument);  // 3 bytes that are not there
  EXPECT_THROW(StateReader{numbers({})}.number(), std::invalid_argument);
  const auto huge = numbers({highest, highest});
  EXPECT_THROW(StateReader{huge}.text(), std::invalid_argument);
}

TEST(FilterState, NumbersThatDoNotFitAreDamage) {
  const auto groups = [](std::string bytes) {
    StateWriter writer;
    writer.text(bytes);  // a text of less than 128 bytes is its length and they
    return resealed(std::move(writer).finish(), [](std::string& rest) { rest.erase(0, 1); });
  };
  EXPECT_EQ(StateReader{groups("\x7f")}.number(), 127u);
  EXPECT_THROW(StateReader{groups("\x80")}.number(), std::invalid_argument);
  const std::string nine(9, '\xff');
  EXPECT_EQ(StateReader{groups(nine + "\x01")}.number(), highest);
  EXPECT_THROW(StateReader{groups(nine + "\x02")}.number(), std::invalid_argument);
  EXPECT_THROW(StateReader{groups(nine + "\x81\x01")}.number(), std::invalid_argument);
}

}  // namespace
}  // namespace slipway::job
