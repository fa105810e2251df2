#pragma once

#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <sstream>
#include <string>
#include <vector>

namespace slipway::runner {

/// What the daemon logs while this lives, at level info and above: one `<level> <text>` per line.
class LogCapture {
 public:
  LogCapture() : before_{spdlog::default_logger()} {
    const auto sink = std::make_shared<spdlog::sinks::ostream_sink_st>(text_);
    const auto logger = std::make_shared<spdlog::logger>("", sink);
    logger->set_pattern("%l %v");
    spdlog::set_default_logger(logger);
  }
  ~LogCapture() { spdlog::set_default_logger(before_); }
  LogCapture(const LogCapture&) = delete;

  std::string text() const { return text_.str(); }
  std::vector<std::string> lines() const {
    std::vector<std::string> result;
    std::istringstream text{text_.str()};
    for (std::string line; std::getline(text, line);) result.push_back(line);
    return result;
  }

 private:
  std::ostringstream text_;
  std::shared_ptr<spdlog::logger> before_;
};

}  // namespace slipway::runner
