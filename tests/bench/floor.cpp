#include "tests/bench/floor.hpp"

#include <fmt/format.h>

namespace slipway::bench {

docker_api::ContainerSpec bench_container(std::string image) {
  docker_api::ContainerSpec spec;
  spec.image = std::move(image);
  spec.labels = {{bench_label, "1"}};
  spec.log_driver = "none";
  return spec;
}

asio::awaitable<Floor> run_floor(docker_api::Client& engine, std::string image) {
  auto spec = bench_container(std::move(image));
  spec.entrypoint = std::vector<std::string>{"true"};
  Floor floor;
  const auto begin = Clock::now();
  auto since = begin;
  const auto lap = [&since] {
    const auto now = Clock::now();
    return milliseconds(now - std::exchange(since, now));
  };
  const auto id = co_await engine.create_container(std::move(spec));
  floor.create = lap();
  const auto attachment = co_await engine.attach(id, false);
  floor.attach = lap();
  co_await engine.start_container(id);
  floor.start = lap();
  std::size_t bytes = 0;
  const docker_api::StreamParser::Sink sink =
      [&bytes](docker_api::StreamType, std::string_view piece) { bytes += piece.size(); };
  while (true) {
    const bool more = co_await attachment->read(sink);
    if (!more) break;
  }
  floor.read = lap();
  const auto result = co_await engine.wait_container(id);
  floor.wait = lap();
  co_await engine.remove_container(id, false, true);
  floor.remove = lap();
  floor.total = milliseconds(Clock::now() - begin);
  if (result.status_code != 0 || bytes != 0)
    throw WrongResult{
        fmt::format("`true` ended with {} after {} bytes", result.status_code, bytes)};
  co_return floor;
}

void FloorSamples::add(const Floor& floor) {
  create_.add(floor.create);
  attach_.add(floor.attach);
  start_.add(floor.start);
  read_.add(floor.read);
  wait_.add(floor.wait);
  remove_.add(floor.remove);
  total_.add(floor.total);
}

std::string FloorSamples::phases() const {
  return fmt::format(
      "create {:.0f}, attach {:.0f}, start {:.0f}, read {:.0f}, wait {:.0f}, remove {:.0f} ms",
      create_.median(), attach_.median(), start_.median(), read_.median(), wait_.median(),
      remove_.median());
}

}  // namespace slipway::bench
