#include "cmd/slipway/logging.hpp"

#include <fmt/format.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <syslog.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <optional>

#include "cmd/slipway/fatal.hpp"
#include "cmd/slipway/log_format.hpp"
#include "cmd/slipway/version.hpp"
#include "config/load.hpp"
#include "config/schema.hpp"

namespace slipway::cmd {

namespace {

constexpr auto panic_logger = "panic";

void write_all(std::string_view text) {
  while (!text.empty()) {
    const auto written = ::write(STDERR_FILENO, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

Severity severity_of(const spdlog::details::log_msg& event) {
  switch (event.level) {
    case spdlog::level::trace:
      return Severity::trace;
    case spdlog::level::debug:
      return Severity::debug;
    case spdlog::level::warn:
      return Severity::warning;
    case spdlog::level::err:
      return Severity::error;
    case spdlog::level::critical: {
      const std::string_view logger{event.logger_name.data(), event.logger_name.size()};
      return logger == panic_logger ? Severity::panic : Severity::fatal;
    }
    default:
      return Severity::info;
  }
}

/// One line to stderr by one write.
class StderrSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  void shape(LogFormat format, bool colour) {
    format_ = format;
    colour_ = colour;
  }

 private:
  void sink_it_(const spdlog::details::log_msg& event) override {
    auto line = parse_log_text({event.payload.data(), event.payload.size()});
    line.severity = severity_of(event);
    line.at = event.time;
    line.uptime = std::chrono::duration_cast<std::chrono::seconds>(event.time - started_);
    write_all(format_log_line(line, format_, colour_));
  }
  void flush_() override {}

  LogFormat format_ = LogFormat::runner;
  bool colour_ = false;
  std::chrono::system_clock::time_point started_ = std::chrono::system_clock::now();
};

int syslog_level(Severity severity) {
  switch (severity) {
    case Severity::panic:
      return LOG_EMERG;
    case Severity::fatal:
      return LOG_CRIT;
    case Severity::error:
      return LOG_ERR;
    case Severity::warning:
      return LOG_WARNING;
    case Severity::info:
      return LOG_INFO;
    default:
      return LOG_DEBUG;
  }
}

class SyslogSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit SyslogSink(std::string name) : name_{std::move(name)} {
    ::openlog(name_.c_str(), LOG_PID, LOG_DAEMON);
  }
  ~SyslogSink() override { ::closelog(); }

 private:
  void sink_it_(const spdlog::details::log_msg& event) override {
    auto line = parse_log_text({event.payload.data(), event.payload.size()});
    line.severity = severity_of(event);
    if (line.severity < Severity::info || line.message.empty()) return;
    const auto text = format_log_line(line, LogFormat::runner, /*colour=*/false);
    ::syslog(syslog_level(line.severity), "%s", text.c_str());
  }
  void flush_() override {}

  std::string name_;  ///< openlog() keeps the pointer
};

/// What set_up_logging() was told, and where the lines go.
struct State {
  LogOptions options;
  std::shared_ptr<StderrSink> sink = std::make_shared<StderrSink>();  // shared with the loggers
};

State& state() {
  static State state;
  return state;
}

spdlog::level::level_enum parse_level(const std::string& text) {
  if (!config::is_log_level(text))
    throw Fatal{fmt::format(
        "unknown log level \"{}\"; known: panic fatal error warn info debug trace", text)};
  const auto is = [&](std::string_view name) { return config::equal_ignoring_case(text, name); };
  if (is("trace")) return spdlog::level::trace;
  if (is("debug")) return spdlog::level::debug;
  if (is("warn") || is("warning")) return spdlog::level::warn;
  if (is("error")) return spdlog::level::err;
  if (is("fatal") || is("panic")) return spdlog::level::critical;
  return spdlog::level::info;
}

bool wants_colour(const std::string& colour) {
  if (colour == "always") return true;
  if (colour == "never") return false;
  if (colour != "auto")
    throw Fatal{fmt::format("unknown --log-color \"{}\"; known: auto always never", colour)};
  const auto* no_color = std::getenv("NO_COLOR");
  return ::isatty(STDERR_FILENO) == 1 && (no_color == nullptr || *no_color == '\0');
}

void look_like(const std::string& level, const std::string& format) {
  const auto chosen = parse_log_format(format.empty() ? "runner" : format);
  if (!chosen)
    throw Fatal{fmt::format("unknown log format \"{}\"; known: runner text json", format)};
  state().sink->shape(*chosen, wants_colour(state().options.colour));
  spdlog::set_level(level.empty() ? spdlog::level::info : parse_level(level));
}

std::string flag_level() {
  const auto& options = state().options;
  return options.level.empty() && options.debug ? "debug" : options.level;
}

}  // namespace

void set_up_logging(const LogOptions& options) {
  state().options = options;
  spdlog::set_default_logger(std::make_shared<spdlog::logger>("", state().sink));
  look_like(flag_level(), options.format);
}

void apply_log_settings(const config::Config& config) {
  const auto level = flag_level();
  const auto& format = state().options.format;
  look_like(level.empty() ? config.log_level : level, format.empty() ? config.log_format : format);
}

void log_to_syslog(const std::string& name) {
  spdlog::default_logger()->sinks().push_back(std::make_shared<SyslogSink>(name));
}

void log_fatal(const std::string& text, bool panic) {
  const auto& sinks = spdlog::default_logger()->sinks();
  spdlog::logger logger{panic ? panic_logger : "", sinks.begin(), sinks.end()};
  logger.critical(text);
}

void log_startup() {
  spdlog::info("Runtime platform arch={} os=linux pid={} revision={} version={}", architecture(),
               ::getpid(), revision(), version());
}

}  // namespace slipway::cmd
