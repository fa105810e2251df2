#pragma once

#include <string>
#include <string_view>

namespace slipway::cmd {

/// GitLab Runner's executors, sorted, comma-separated: for questions.
std::string executor_names();
/// Whether `name` is one of them.
bool is_executor(std::string_view name);
/// "" when this version runs such jobs, else why not.
std::string unsupported_executor(std::string_view name);

}  // namespace slipway::cmd
