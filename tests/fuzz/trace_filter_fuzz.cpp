#include <array>
#include <string>

#include "job/trace_filter.hpp"
#include "tests/fuzz/input.hpp"

namespace {

using namespace slipway;

const std::vector<std::string> secrets{"s3cret-value", "s3cret-value-longer", "value-longer-still",
                                       "\xc3\xa4\xc3\xb6\xc3\xbc-umlauts", "aaaaaaaaaaab"};

job::TraceOptions options(bool timestamps) {
  job::TraceOptions result;
  result.masked_values = secrets;
  result.token_prefixes = {"glpat-"};
  result.timestamps = timestamps;
  result.now = [] { return std::chrono::system_clock::time_point{}; };
  return result;
}

void require_masked(const std::string& log) {
  for (const auto& secret : secrets)
    fuzz::require(log.find(secret) == std::string::npos, "no masked value is in the log");
}

}  // namespace

/// A job's log: no masked value comes through, and without timestamps the way it is cut changes
/// nothing.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input{data, size};
  const auto seed = input.number();
  const auto text = input.rest();
  std::array<std::string, 3> logs;
  for (std::size_t way = 0; way < logs.size(); ++way) {
    const bool timestamps = way == 2;
    job::TraceFilter filter{options(timestamps),
                            [&](std::string_view bytes) { logs[way] += bytes; }};
    const auto write = [&](std::string_view piece) {
      filter.write(job::LogStream::script, job::LogKind::out, piece);
    };
    if (way == 0)
      write(text);
    else
      fuzz::in_pieces(text, seed, write);
    filter.close();
    // With timestamps long lines are cut, and a header may stand inside of what is no secret any
    // more.
    if (!timestamps) require_masked(logs[way]);
  }
  fuzz::require(logs[0] == logs[1], "how the log is cut changes nothing");
  return 0;
}
