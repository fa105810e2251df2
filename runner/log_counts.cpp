#include "runner/log_counts.hpp"

#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>

namespace slipway::runner {

namespace {

// The resolver's thread may log, too.
std::array<std::atomic<std::uint64_t>, spdlog::level::n_levels> counts{};

class CountingSink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    ++counts.at(static_cast<std::size_t>(message.level));
  }
  void flush_() override {}
};

std::uint64_t of(spdlog::level::level_enum level) {
  return counts.at(static_cast<std::size_t>(level));
}

}  // namespace

void count_log_lines() {
  // Shared by the loggers that count.
  static const auto sink = std::make_shared<CountingSink>();
  auto& sinks = spdlog::default_logger()->sinks();
  if (std::ranges::find(sinks, sink) == sinks.end()) sinks.push_back(sink);
}

std::map<std::string, std::uint64_t> log_line_counts() {
  return {{"panic", 0},
          {"fatal", of(spdlog::level::critical)},
          {"error", of(spdlog::level::err)},
          {"warning", of(spdlog::level::warn)},
          {"info", of(spdlog::level::info)},
          {"debug", of(spdlog::level::debug)},
          {"trace", of(spdlog::level::trace)}};
}

}  // namespace slipway::runner
