#pragma once

#include <string>

#include "docker_api/client.hpp"
#include "tests/bench/lab.hpp"

namespace slipway::bench {

/// Milliseconds of each raw call of one container running `true`.
struct Floor {
  double create = 0;
  double attach = 0;
  double start = 0;
  double read = 0;  ///< to the end of the output
  double wait = 0;
  double remove = 0;
  double total = 0;
};

/// Creates a container of `image` that runs `true` (its entrypoint replaced by it), log driver
/// none, attaches, starts, reads to the end, waits and removes. \throws WrongResult when its exit
/// code is not 0 or anything was printed.
asio::awaitable<Floor> run_floor(docker_api::Client& engine, std::string image);

/// A container of the bench's own: labelled, without log.
docker_api::ContainerSpec bench_container(std::string image);

/// Collects floors and says where their time goes.
class FloorSamples {
 public:
  void add(const Floor& floor);
  const Samples& total() const { return total_; }
  /// Medians of the phases.
  std::string phases() const;

 private:
  Samples create_, attach_, start_, read_, wait_, remove_, total_;
};

}  // namespace slipway::bench
