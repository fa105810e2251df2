#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "local/yaml/scalar.hpp"

namespace slipway::local::yaml {
namespace {

struct ScalarCase {
  const char* written;
  Kind kind;
  const char* text;
};

// What Psych 4 makes of each, measured.
const ScalarCase scalar_cases[] = {
    {"", Kind::null, ""},
    {"~", Kind::null, ""},
    {"null", Kind::null, ""},
    {"Null", Kind::null, ""},
    {"nuLL", Kind::null, ""},
    {"nulls", Kind::string, "nulls"},
    {"yes", Kind::boolean, "true"},
    {"Yes", Kind::boolean, "true"},
    {"ON", Kind::boolean, "true"},
    {"tRuE", Kind::boolean, "true"},
    {"no", Kind::boolean, "false"},
    {"off", Kind::boolean, "false"},
    {"FALSE", Kind::boolean, "false"},
    {"y", Kind::string, "y"},
    {"n", Kind::string, "n"},
    {"Truey", Kind::string, "Truey"},
    {"0", Kind::integer, "0"},
    {"00", Kind::integer, "0"},
    {"+1", Kind::integer, "1"},
    {"-1", Kind::integer, "-1"},
    {"-0", Kind::integer, "0"},
    {"010", Kind::integer, "8"},
    {"-010", Kind::integer, "-8"},
    {"08", Kind::string, "08"},
    {"0_1", Kind::integer, "1"},
    {"07_1", Kind::integer, "57"},
    {"0o10", Kind::string, "0o10"},
    {"0b11", Kind::integer, "3"},
    {"0b", Kind::string, "0b"},
    {"0x1F", Kind::integer, "31"},
    {"-0x1f", Kind::integer, "-31"},
    {"0x", Kind::string, "0x"},
    {"1_000", Kind::integer, "1000"},
    {"1,000", Kind::integer, "1000"},
    {"1,2,3", Kind::integer, "123"},
    {"1,,2", Kind::string, "1,,2"},
    {"1__0", Kind::string, "1__0"},
    {"1_", Kind::string, "1_"},
    {"_1", Kind::string, "_1"},
    {"100000000000000000000", Kind::integer, "100000000000000000000"},
    {"0xffffffffffffffffffff", Kind::integer, "1208925819614629174706175"},
    {"1e3", Kind::string, "1e3"},
    {"1e+3", Kind::string, "1e+3"},
    {"1.5e3", Kind::string, "1.5e3"},
    {"1.5e+3", Kind::real, "1500.0"},
    {"1.e+3", Kind::real, "1000.0"},
    {"4.0E+3", Kind::real, "4000.0"},
    {"1.5e-7", Kind::real, "1.5e-07"},
    {"1.0", Kind::real, "1.0"},
    {"1.10", Kind::real, "1.1"},
    {".5", Kind::real, "0.5"},
    {"+.5", Kind::real, "0.5"},
    {"-.5", Kind::real, "-0.5"},
    {"5.", Kind::real, "5.0"},
    {".", Kind::string, "."},
    {"1_0.5", Kind::real, "10.5"},
    {"1,000.5", Kind::real, "1000.5"},
    {"0.0001", Kind::real, "0.0001"},
    {"0.00001", Kind::real, "1.0e-05"},
    {"1.0e+16", Kind::real, "1.0e+16"},
    {"1.0e+15", Kind::real, "1000000000000000.0"},
    {"1.0e+999", Kind::real, "Infinity"},
    {"123456789.123456789", Kind::real, "123456789.12345679"},
    {".inf", Kind::real, "Infinity"},
    {"+.INF", Kind::real, "Infinity"},
    {"-.inf", Kind::real, "-Infinity"},
    {".NaN", Kind::real, "NaN"},
    {"1:30", Kind::integer, "5400"},
    {"12:30:45", Kind::integer, "45045"},
    {"190:20:30", Kind::integer, "685230"},
    {"1:30.5", Kind::real, "5430.0"},
    {"1:60", Kind::string, "1:60"},
    {"1.2.3", Kind::string, "1.2.3"},
    {"0.1.2", Kind::string, "0.1.2"},
    {"--", Kind::string, "--"},
    {"-:x", Kind::string, "-:x"},
    {":sym", Kind::string, ":sym"},
    {"=", Kind::string, "="},
    {"2001-13-01", Kind::string, "2001-13-01"},
    {"2001-01", Kind::string, "2001-01"},
};

TEST(YamlScalar, PlainScalarsAreReadAsPsychReadsThem) {
  for (const auto& c : scalar_cases) {
    SCOPED_TRACE(c.written);
    const auto scalar = resolve_plain(c.written);
    EXPECT_EQ(scalar.kind, c.kind);
    EXPECT_EQ(scalar.text, c.text);
  }
}

TEST(YamlScalar, DatesAreRefused) {
  for (const auto* text : {"2001-01-31", "2001-1-1", "2001-01-31T10:00:00Z", "2001-01-31 10:00:00"})
    EXPECT_THROW(resolve_plain(text), DateScalar) << text;
}

TEST(YamlScalar, LongDigitsAreText) {
  const std::string digits(100'000, '9');
  EXPECT_EQ(resolve_plain(digits).kind, Kind::string);
}

TEST(YamlScalar, FloatsPrintAsRubyPrintsThem) {
  const std::pair<double, const char*> cases[] = {{1, "1.0"},
                                                  {0.1, "0.1"},
                                                  {-2.5, "-2.5"},
                                                  {1e15, "1000000000000000.0"},
                                                  {1e16, "1.0e+16"},
                                                  {1e100, "1.0e+100"},
                                                  {12345e20, "1.2345e+24"},
                                                  {1e-4, "0.0001"},
                                                  {1e-5, "1.0e-05"},
                                                  {0.0, "0.0"},
                                                  {-0.0, "-0.0"},
                                                  {5e-324, "5.0e-324"},
                                                  {1.0 / 3, "0.3333333333333333"}};
  for (const auto& [value, text] : cases) EXPECT_EQ(ruby_float(value), text);
}

}  // namespace
}  // namespace slipway::local::yaml
