#include <zlib.h>

#include <memory>
#include <stdexcept>
#include <string>

#include "job/trace_filter.hpp"
#include "tests/fuzz/input.hpp"

namespace {

using namespace slipway;

job::TraceOptions options(fuzz::Input& input) {
  job::TraceOptions result;
  result.masked_values = {"s3cret-value", "value-longer", "abcd", "cdef", "\xc3\xa4\xc3\xb6"};
  result.token_prefixes = {"ab:", "b: x-"};
  result.timestamps = input.below(2) == 1;
  result.limit_bytes = 1 + 8 * input.number();
  result.now = [] { return std::chrono::system_clock::time_point{}; };
  return result;
}

/// One write, flush or learnt value, as the input decides.
void step(fuzz::Input& input, job::TraceFilter& filter) {
  constexpr job::LogStream streams[] = {job::LogStream::script, job::LogStream::runner,
                                        job::LogStream::service};
  const auto what = input.number();
  const auto stream = streams[what % 3];
  const auto kind = what / 4 % 2 == 0 ? job::LogKind::out : job::LogKind::err;
  if (what >= 250)
    filter.add_masked_value(std::string{input.take(4)});
  else if (what >= 240)
    filter.flush(stream);
  else
    filter.write(stream, kind, input.text());
}

/// A log goes on byte for byte wherever its filter is made anew.
void restart_at_random(fuzz::Input input) {
  const auto settings = options(input);
  std::string want;
  std::string log;
  const auto sink = [&log](std::string_view bytes) { log += bytes; };
  job::TraceFilter whole{settings, [&want](std::string_view bytes) { want += bytes; }};
  auto filter = std::make_unique<job::TraceFilter>(settings, sink);
  while (!input.empty()) {
    if (input.below(2) == 1) {
      const auto state = filter->state();
      filter = std::make_unique<job::TraceFilter>(settings, sink, state);
      fuzz::require(filter->state() == state, "a state that was read is written as it was");
    }
    auto same = input;
    step(input, whole);
    step(same, *filter);
  }
  whole.close();
  filter->close();
  fuzz::require(log == want, "the log goes on byte for byte");
}

/// Bytes that claim to be a state are refused, or a state as good as any.
void read_foreign(fuzz::Input input) {
  const auto settings = options(input);
  const std::string version{settings.limit_bytes % 16 == 1 ? '\x02' : '\x01'};
  auto state = version + std::string(4, '\0') + std::string{input.rest()};
  const auto rest = input.rest();
  auto crc = ::crc32_z(0, reinterpret_cast<const Bytef*>(rest.data()), rest.size());
  for (std::size_t i = 1; i <= 4; ++i, crc >>= 8) state[i] = static_cast<char>(crc & 0xFF);
  std::string log;
  const auto sink = [&log](std::string_view bytes) { log += bytes; };
  std::unique_ptr<job::TraceFilter> filter;
  try {
    filter = std::make_unique<job::TraceFilter>(settings, sink, state);
  } catch (const std::invalid_argument&) {
    return;
  }
  const auto saved = filter->state();
  filter = std::make_unique<job::TraceFilter>(settings, sink, saved);
  fuzz::require(filter->state() == saved, "a state that was written is read as it was");
  for (const auto stream :
       {job::LogStream::script, job::LogStream::service, job::LogStream::runner}) {
    filter->write(stream, job::LogKind::out, "cdef s3cret-value ab:x\r\xc3");
    filter->write(stream, job::LogKind::err, "oken=1&rss_token=2\n");
  }
  const job::TraceFilter again{settings, sink, filter->state()};
  filter->close();
}

}  // namespace

/// The state of a job's log filters: read back at any time, and read from anywhere.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input{data, size};
  const bool foreign = input.below(2) == 1;
  foreign ? read_foreign(input) : restart_at_random(input);
  try {
    job::TraceFilter{{}, [](std::string_view) {}, input.rest()};
  } catch (const std::invalid_argument&) {
  }
  return 0;
}
