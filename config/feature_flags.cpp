#include "config/feature_flags.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace slipway::config {

namespace {

constexpr std::array flags{
    FeatureFlag{"FF_NETWORK_PER_BUILD"},
    FeatureFlag{"FF_USE_DIRECT_DOWNLOAD", true},
    FeatureFlag{"FF_USE_FASTZIP", true},
    FeatureFlag{"FF_DISABLE_UMASK_FOR_DOCKER_EXECUTOR"},
    FeatureFlag{"FF_ENABLE_BASH_EXIT_CODE_CHECK"},
    FeatureFlag{"FF_USE_LEGACY_BASH_EVAL"},
    FeatureFlag{"FF_POSIXLY_CORRECT_ESCAPES"},
    FeatureFlag{"FF_SCRIPT_SECTIONS"},
    FeatureFlag{"FF_TIMESTAMPS", true},
    FeatureFlag{"FF_ENABLE_JOB_CLEANUP"},
    FeatureFlag{"FF_USE_INIT_WITH_DOCKER_EXECUTOR"},
    FeatureFlag{"FF_LOG_IMAGES_CONFIGURED_FOR_JOB"},
    FeatureFlag{"FF_CLEAN_UP_FAILED_CACHE_EXTRACT"},
    FeatureFlag{"FF_MASK_ALL_DEFAULT_TOKENS", true},
    FeatureFlag{"FF_GIT_URLS_WITHOUT_TOKENS"},
    FeatureFlag{"FF_USE_GIT_BUNDLE_URIS", true},
    FeatureFlag{"FF_USE_GIT_NATIVE_CLONE"},
    FeatureFlag{"FF_USE_GIT_PROACTIVE_AUTH"},
    FeatureFlag{"FF_USE_GITALY_CORRELATION_ID", true},
    FeatureFlag{"FF_SECRET_RESOLVING_FAILS_IF_MISSING", true},
    FeatureFlag{"FF_USE_DYNAMIC_TRACE_FORCE_SEND_INTERVAL"},
    FeatureFlag{"FF_USE_EXPONENTIAL_BACKOFF_STAGE_RETRY", true},
    FeatureFlag{"FF_USE_ADAPTIVE_REQUEST_CONCURRENCY", true, true},
    FeatureFlag{"FF_DISABLE_AUTOMATIC_TOKEN_ROTATION", false, true},
    FeatureFlag{"FF_RESOLVE_FULL_TLS_CHAIN", false, true},
    FeatureFlag{"FF_EXPORT_HIGH_CARDINALITY_METRICS"},
    FeatureFlag{"FF_HASH_CACHE_KEYS"},
    FeatureFlag{"FF_USE_PARALLEL_CACHE_TRANSFER"},
    FeatureFlag{"FF_USE_PARALLEL_ARTIFACT_TRANSFER"},
    FeatureFlag{"FF_USE_LEGACY_S3_CACHE_ADAPTER"},
    FeatureFlag{"FF_USE_LEGACY_GCS_CACHE_ADAPTER"},
    FeatureFlag{"FF_ENABLE_JOB_INPUTS_INTERPOLATION", true},
    FeatureFlag{"FF_USE_NATIVE_CONTAINER_STOP"},
    FeatureFlag{"FF_SCRIPT_TO_STEP_MIGRATION"},
    FeatureFlag{"FF_CONCRETE"},
    FeatureFlag{"FF_USE_JOB_ROUTER", false, true},
    FeatureFlag{"FF_SUSPENDABLE_ENVIRONMENTS"},
    FeatureFlag{"FF_USE_LEGACY_KUBERNETES_EXECUTION_STRATEGY"},
    FeatureFlag{"FF_KUBERNETES_HONOR_ENTRYPOINT"},
    FeatureFlag{"FF_USE_POD_ACTIVE_DEADLINE_SECONDS", true},
    FeatureFlag{"FF_USE_ADVANCED_POD_SPEC_CONFIGURATION"},
    FeatureFlag{"FF_PRINT_POD_EVENTS"},
    FeatureFlag{"FF_WAIT_FOR_POD_TO_BE_REACHABLE"},
    FeatureFlag{"FF_USE_DUMB_INIT_WITH_KUBERNETES_EXECUTOR"},
    FeatureFlag{"FF_DISABLE_UMASK_FOR_KUBERNETES_EXECUTOR"},
    FeatureFlag{"FF_USE_DOCKER_AUTOSCALER_DIAL_STDIO", true},
    FeatureFlag{"FF_USE_FLEETING_ACQUIRE_HEARTBEATS"},
    FeatureFlag{"FF_USE_POWERSHELL_PATH_RESOLVER"},
    FeatureFlag{"FF_DISABLE_POWERSHELL_STDIN"},
    FeatureFlag{"FF_USE_WINDOWS_LEGACY_PROCESS_STRATEGY"},
    FeatureFlag{"FF_USE_WINDOWS_JOB_OBJECT"},
    FeatureFlag{"FF_TEST_FEATURE"},
};

}  // namespace

std::span<const FeatureFlag> feature_flags() {
  return flags;
}

const FeatureFlag* find_feature_flag(std::string_view name) {
  const auto found = std::ranges::find(flags, name, &FeatureFlag::name);
  return found == flags.end() ? nullptr : &*found;
}

std::optional<bool> parse_go_bool(std::string_view text) {
  for (const auto* word : {"1", "t", "T", "TRUE", "true", "True"})
    if (text == word) return true;
  for (const auto* word : {"0", "f", "F", "FALSE", "false", "False"})
    if (text == word) return false;
  return std::nullopt;
}

ResolvedFlag resolve(std::string_view name, const std::map<std::string, bool>& runner_flags,
                     const FlagVariables& job_variables) {
  if (const auto set = runner_flags.find(std::string{name}); set != runner_flags.end())
    return {set->second, ""};
  const auto* flag = find_feature_flag(name);
  const bool fallback = flag && flag->fallback;
  if (flag && flag->runner_only) return {fallback, ""};
  const auto text = job_variables(name);
  if (!text || text->empty()) return {fallback, ""};
  if (const auto value = parse_go_bool(*text)) return {*value, ""};
  // The value may be masked, hence not shown.
  return {fallback,
          fmt::format("{} is neither true nor false; its default ({}) is used", name, fallback)};
}

std::string changed_flags(const std::map<std::string, bool>& runner_flags,
                          const FlagVariables& job_variables) {
  std::string text;
  for (const auto& flag : flags) {
    const bool value = resolve(flag.name, runner_flags, job_variables).value;
    if (value != flag.fallback)
      text += fmt::format("{}{}:{}", text.empty() ? "" : ", ", flag.name, value);
  }
  return text;
}

}  // namespace slipway::config
