#include "tests/bench/filter_rate.hpp"

#include <fmt/format.h>

#include <random>

#include "job/trace_filter.hpp"
#include "tests/bench/lab.hpp"
#include "tests/bench/trace_lines.hpp"

namespace slipway::bench {

namespace {
constexpr std::size_t piece = 64u << 10;
constexpr std::uint64_t no_limit = std::uint64_t{1} << 40;
}  // namespace

std::vector<std::string> random_values(int count) {
  static std::mt19937_64 random{std::random_device{}()};
  std::vector<std::string> values;
  for (int i = 0; i < count; ++i)
    values.push_back(fmt::format("{:016x}{:016x}", random(), random()));
  return values;
}

double filter_rate(const LogText& text, int masked_values) {
  std::string in = std::string{log_begin} + "\n";
  for (std::uint64_t i = 0; i < text.lines; ++i) in += text.line(i) + "\n";
  in += std::string{log_end} + "\n";
  job::TraceOptions options;
  options.masked_values = random_values(masked_values);
  options.limit_bytes = no_limit;
  std::string out(in.size() * 2, '\0');  // its memory is not what is measured
  out.clear();
  const auto begin = Clock::now();
  job::TraceFilter filter{std::move(options), [&out](std::string_view bytes) { out += bytes; }};
  for (std::size_t at = 0; at < in.size(); at += piece)
    filter.write(job::LogStream::script, job::LogKind::out, std::string_view{in}.substr(at, piece));
  filter.close();
  const auto time = Clock::now() - begin;
  LogCheck check{text};
  TraceLines lines{out};
  while (lines.next()) {
    check.take(lines.text());
    if (!lines.stamped()) throw WrongResult{"a filtered line without a timestamp"};
  }
  if (!check.complete()) throw WrongResult{"the filters lost something"};
  return static_cast<double>(in.size()) / 1000 / milliseconds(time);
}

}  // namespace slipway::bench
