#include "job/job.hpp"
#include "tests/fuzz/input.hpp"

/// A job's payload: any text gives a job or an error, and a job's variables can be expanded.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipway;
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  const auto result = job::parse_payload(text);
  fuzz::require(result.job.has_value() == result.error.text.empty(), "either a job or an error");
  if (!result.job) return 0;
  const auto expanded = result.job->variables.expanded();
  fuzz::require(expanded.list().size() <= result.job->variables.list().size(),
                "expansion makes no variables");
  job::short_token(result.job->token.reveal());
  return 0;
}
