#pragma once

#include "tests/bench/log_text.hpp"
#include "tests/bench/samples.hpp"

namespace slipway::bench {

/// Values to mask, as the jobs of the figures have them.
std::vector<std::string> random_values(int count);

/// MB of `text` per second through a job's log filters alone, in memory, in pieces of the size in
/// which an agent's output arrives. \throws WrongResult unless all of it comes out, stamped.
double filter_rate(const LogText& text, int masked_values);

}  // namespace slipway::bench
