#include "cmd/slipway/executor_names.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace slipway::cmd {

namespace {
constexpr std::array<std::string_view, 11> known{
    "custom",         "docker",   "docker+machine", "docker-autoscaler",
    "docker-windows", "instance", "kubernetes",     "parallels",
    "shell",          "ssh",      "virtualbox"};
}  // namespace

std::string executor_names() {
  return fmt::format("{}", fmt::join(known, ", "));
}

bool is_executor(std::string_view name) {
  return std::ranges::find(known, name) != known.end();
}

std::string unsupported_executor(std::string_view name) {
  if (name == "docker" || name == "shell") return "";
  return fmt::format("executor \"{}\" is not supported by this version; supported: docker, shell",
                     name);
}

}  // namespace slipway::cmd
