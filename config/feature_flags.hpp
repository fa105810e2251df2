#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace slipway::config {

/// One feature flag, known by GitLab Runner's name and with its default.
struct FeatureFlag {
  std::string_view name;
  bool fallback = false;
  /// Acts outside a job: only `[runners.feature_flags]` sets it.
  bool runner_only = false;
};

/// All of them, in the order in which they are documented.
std::span<const FeatureFlag> feature_flags();
/// nullptr when there is none of that name.
const FeatureFlag* find_feature_flag(std::string_view name);

/// `1 t T TRUE true True 0 f F FALSE false False`.
std::optional<bool> parse_go_bool(std::string_view text);

/// Value of a job variable; nullopt = not set.
using FlagVariables = std::function<std::optional<std::string>(std::string_view name)>;

struct ResolvedFlag {
  bool value = false;
  /// For the job's log when its variable holds no boolean, else "".
  std::string warning;
};

/// `[runners.feature_flags]`, else the job's variable, else the default. A name that is not
/// registered is off by default.
ResolvedFlag resolve(std::string_view flag, const std::map<std::string, bool>& runner_flags,
                     const FlagVariables& job_variables);

/// The flags that are not at their defaults, as a job's header names them: `FF_A:true, FF_B:false`,
/// in the order of feature_flags(); "" for none.
std::string changed_flags(const std::map<std::string, bool>& runner_flags,
                          const FlagVariables& job_variables);

}  // namespace slipway::config
