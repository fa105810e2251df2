#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace slipway::demo {

/// What `tools/dev demo` has prepared, and how long everything may take.
struct Options {
  std::filesystem::path repository;  ///< bare, with the commit on main and on refs/pipelines/1
  std::string commit;                ///< the whole SHA-1
  std::filesystem::path job;         ///< payload with placeholders, see examples/dind-tls/README.md
  /// Images that were made on this machine: there is no registry to ask for newer ones.
  std::vector<std::string> stand_ins;
  std::chrono::seconds limit{600};
};

/// nullopt when the command line was wrong or asked for help; that has been printed then, and
/// `exit_code` is what main returns.
std::optional<Options> parse_command_line(int argc, char** argv, int& exit_code);

}  // namespace slipway::demo
