#pragma once

#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "local/exec/git.hpp"

namespace slipway::local::exec {

/// A real git repository in a temporary directory, and a state directory beside it. The user's own
/// configuration is out of sight.
class RepositoryTest : public ::testing::Test {
 protected:
  RepositoryTest() {
    auto pattern = (std::filesystem::temp_directory_path() / "slipway-exec-XXXXXX").string();
    base = std::filesystem::canonical(::mkdtemp(pattern.data()));
    root = base / "work";
    state = base / "state";
    std::filesystem::create_directories(root);
    ::setenv("HOME", base.c_str(), 1);
    ::setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
    std::ofstream{base / ".gitconfig"} << "[user]\n\tname = Ann Author\n\temail = ann@example.org\n"
                                          "[init]\n\tdefaultBranch = main\n";
  }
  ~RepositoryTest() override {
    std::error_code ignored;
    std::filesystem::remove_all(base, ignored);
  }

  Git git() const { return Git{root}; }
  void init() const { git().run({"init", "--quiet"}); }
  void write(const std::string& path, const std::string& text) const {
    const auto file = root / path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream{file, std::ios::binary | std::ios::trunc} << text;
  }
  std::string commit(const std::string& message = "A commit") const {
    git().run({"add", "--all"});
    git().run({"commit", "--quiet", "--allow-empty", "-m", message});
    return git().run({"rev-parse", "HEAD"});
  }
  static std::string read(const std::filesystem::path& path) {
    std::ifstream file{path, std::ios::binary};
    std::ostringstream text;
    text << file.rdbuf();
    return std::move(text).str();
  }

  std::filesystem::path base;
  std::filesystem::path root;
  std::filesystem::path state;
};

}  // namespace slipway::local::exec
