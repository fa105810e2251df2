#include "gitlab_api/info.hpp"

#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>
#include <string_view>

namespace slipway::gitlab_api {

namespace {

/// Who keeps the promise of a feature flag in this build.
enum class By { client, executor, docker, shell, nobody };

struct Feature {
  std::string_view name;
  By by;
};

constexpr std::array features{
    Feature{"trace_reset", By::client},
    Feature{"trace_checksum", By::client},
    Feature{"trace_size", By::client},
    Feature{"cancelable", By::client},
    Feature{"cancel_gracefully", By::client},
    Feature{"two_phase_job_commit", By::client},
    Feature{"variables", By::executor},
    Feature{"raw_variables", By::executor},
    Feature{"image", By::docker},
    Feature{"services", By::docker},
    Feature{"refspecs", By::executor},
    Feature{"masking", By::executor},
    Feature{"return_exit_code", By::executor},
    Feature{"multi_build_steps", By::executor},
    Feature{"service_variables", By::docker},
    Feature{"service_multiple_aliases", By::docker},
    Feature{"image_executor_opts", By::docker},
    Feature{"service_executor_opts", By::docker},
    Feature{"artifacts", By::executor},
    Feature{"artifacts_exclude", By::executor},
    Feature{"upload_multiple_artifacts", By::executor},
    Feature{"upload_raw_artifacts", By::executor},
    Feature{"job_inputs", By::executor},
    Feature{"cache", By::executor},
    Feature{"fallback_cache_keys", By::executor},
    Feature{"shared", By::shell},
    Feature{"session", By::nobody},
    Feature{"terminal", By::nobody},
    Feature{"proxy", By::nobody},
    Feature{"vault_secrets", By::nobody},
    Feature{"native_steps_integration", By::nobody},
};

std::string trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return "";
  return std::string{text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1)};
}

std::string toolchain() {
#if defined(__clang__)
  return fmt::format("clang{}.{}.{}", __clang_major__, __clang_minor__, __clang_patchlevel__);
#else
  return fmt::format("gcc{}.{}.{}", __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__);
#endif
}

bool is_kept(By by, const std::string& executor) {
  const bool docker = executor == "docker";
  const bool shell = executor == "shell";
  switch (by) {
    case By::client:
      return true;
    case By::executor:
      return docker || shell;
    case By::docker:
      return docker;
    case By::shell:
      return shell;
    case By::nobody:
      break;
  }
  return false;
}

}  // namespace

nlohmann::json info_json(const RunnerInfo& info) {
  nlohmann::json out = nlohmann::json::object();
  const auto add = [&out](const char* key, const std::string& value) {
    if (!value.empty()) out[key] = value;
  };
  const bool has_shell = info.executor == "docker" || info.executor == "shell";
  add("name", info.name);
  add("version", info.version);
  add("revision", info.revision);
  add("platform", info.platform);
  add("architecture", info.architecture);
  add("executor", info.executor);
  add("shell", info.shell.empty() && has_shell ? "bash" : info.shell);
  auto& flags = out["features"] = nlohmann::json::object();
  for (const auto& [name, by] : features) flags[std::string{name}] = is_kept(by, info.executor);
  out["config"] = {{"gpus", trimmed(info.gpus)}};
  if (!info.labels.empty()) out["labels"] = info.labels;
  return out;
}

std::string user_agent(const RunnerInfo& info) {
  return fmt::format("{} {} ({}; {}; {}/{})", info.name,
                     info.version.empty() ? "dev" : info.version,
                     info.revision.empty() ? "unknown" : info.revision, toolchain(), info.platform,
                     info.architecture);
}

}  // namespace slipway::gitlab_api
