#pragma once

#include <span>

#include "tests/bench/lab.hpp"

namespace slipway::bench {

/// One measurement with the rows it adds to the table.
struct Figure {
  const char* name;
  const char* what;
  asio::awaitable<void> (*measure)(Lab& lab);
  bool needs_engine = true;
};

/// In the order in which they are run.
std::span<const Figure> figures();

asio::awaitable<void> measure_startup(Lab& lab);
asio::awaitable<void> measure_jobs(Lab& lab);
asio::awaitable<void> measure_calls(Lab& lab);
asio::awaitable<void> measure_logs(Lab& lab);
asio::awaitable<void> measure_many_logs(Lab& lab);
asio::awaitable<void> measure_memory(Lab& lab);
asio::awaitable<void> measure_dind(Lab& lab);
asio::awaitable<void> measure_dind_features(Lab& lab);
asio::awaitable<void> measure_layer_cache(Lab& lab);
asio::awaitable<void> measure_many_dind(Lab& lab);
asio::awaitable<void> measure_idle(Lab& lab);
asio::awaitable<void> measure_shell(Lab& lab);
asio::awaitable<void> measure_archives(Lab& lab);
asio::awaitable<void> measure_sources(Lab& lab);

}  // namespace slipway::bench
