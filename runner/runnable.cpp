#include "runner/runnable.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <stdexcept>

#include "config/edit.hpp"

namespace slipway::runner {

void check_runnable(const config::Config& config) {
  if (config.concurrent < 1)
    throw std::runtime_error{fmt::format("{}: concurrent is {}, but must be at least 1",
                                         config.path, config.concurrent)};
}

bool is_usable(const config::Runner& runner) {
  if (runner.token.reveal().find_first_not_of(" \t\r\n") == std::string::npos) {
    spdlog::warn("the runner has no token and is skipped; register it again runner={}",
                 runner.name);
    return false;
  }
  if (runner.executor != "docker") {
    spdlog::error(
        "executor \"{}\" is not supported by this version (supported: docker); the runner is "
        "skipped runner={}",
        runner.executor, runner.name);
    return false;
  }
  if (!runner.docker) {
    spdlog::error("the runner has no [runners.docker] section and is skipped runner={}",
                  runner.name);
    return false;
  }
  return true;
}

bool same_client(const config::Runner& a, const config::Runner& b) {
  const bool place = a.url == b.url && a.token == b.token && a.tls_ca_file == b.tls_ca_file &&
                     a.tls_cert_file == b.tls_cert_file && a.tls_key_file == b.tls_key_file;
  const auto gpus = [](const config::Runner& runner) {
    return runner.docker ? runner.docker->gpus : std::string{};
  };
  return place && a.name == b.name && a.executor == b.executor && a.shell == b.shell &&
         a.labels == b.labels && gpus(a) == gpus(b);
}

std::string config_text(const config::Config& config, const config::Runner& runner) {
  if (config.text.empty()) return "";
  std::vector<std::size_t> others;
  for (std::size_t i = 0; i < config.runners.size(); ++i) {
    const auto& one = config.runners[i];
    if (one.token != runner.token || one.url != runner.url) others.push_back(i);
  }
  return config::with_runners_removed(config.text, others);
}

}  // namespace slipway::runner
