#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "helper/sources/process.hpp"

namespace slipway::helper {

/// Runs `git` for one project directory, never asking for credentials and never looking for a
/// repository above the project directory.
class Git {
 public:
  /// `environment` must outlive this object. Adds what git needs to it.
  Git(Environment& environment, std::string project_dir);

  /// Exit code of `git <arguments>` in the project directory.
  int try_run(std::vector<std::string> arguments, bool quiet = false) const;
  /// \throws StageFailure with git's exit code when that is not 0.
  void run(std::vector<std::string> arguments) const;
  /// Same, with this process's directory as current one (the project directory may not exist yet).
  void run_here(std::vector<std::string> arguments) const;
  /// Exit code, in no repository; all output is dropped.
  int try_run_outside(std::vector<std::string> arguments) const;
  Child start(std::vector<std::string> arguments, std::string input) const;

  /// Lets git work in the project directory although another user owns it (`safe.directory`): in
  /// the user's global configuration, as git below 2.38 demands, else by the environment where that
  /// file cannot be written.
  void trust_project_directory();
  /// Appends `text` to the user's global configuration unless it is there already. False where it
  /// cannot be written.
  bool add_global_config(const std::string& text);

  const std::string& project_dir() const { return project_dir_; }

 private:
  int execute(std::vector<std::string> arguments, std::string directory, bool quiet) const;

  Environment& environment_;
  std::string project_dir_;
};

}  // namespace slipway::helper
