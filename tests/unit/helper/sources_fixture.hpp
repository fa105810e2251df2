#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "job/git_stage.hpp"

namespace slipway::helper {

/// What a stage left behind when it ran in a process of its own.
struct StageResult {
  int code = -1;
  std::string out;
  std::string err;
};

std::string read_file(const std::filesystem::path& path);
void write_file(const std::filesystem::path& path, const std::string& text);

/// Runs a stage as the agent does: in a child process, here with `home` as HOME and umask 0.
StageResult run_stage(const std::string& name, const nlohmann::json& parameters,
                      const std::filesystem::path& home);

/// A fresh directory per test.
class SourcesDirectory : public ::testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  std::filesystem::path root_;
};

/// A bare repository with some history behind a real smart-HTTP server with basic auth on loopback
/// (one per suite), and the directories of one job.
class SourcesTest : public SourcesDirectory {
 protected:
  static void SetUpTestSuite();
  static void TearDownTestSuite();
  void SetUp() override;

  /// Runs git with an identity; returns its stdout without the last newline. Fails the test on an
  /// error.
  std::string git(const std::filesystem::path& directory,
                  const std::vector<std::string>& arguments) const;
  /// Commits `text` as `file` to `branch` of the served repository; returns the commit.
  std::string commit(const std::string& file, const std::string& text,
                     const std::string& branch = "main");
  /// Commits all of a work tree to `branch` of its repository; returns the commit.
  std::string push(const std::filesystem::path& work, const std::string& branch = "main");
  /// Another served repository, `group/<name>.git`; returns its work tree.
  std::filesystem::path add_repository(const std::string& name,
                                       const std::vector<std::string>& init_flags = {});
  /// Commits a submodule to a work tree without cloning it; `more`: lines for `.gitmodules`.
  std::string add_submodule(const std::filesystem::path& work, const std::string& path,
                            const std::string& url, const std::string& commit,
                            const std::string& more = "");
  static std::string url(const std::string& repository, bool tls = false);
  static const std::string& certificate_authority();
  static void store_lfs_object(const std::string& id, const std::string& content);
  /// The rules by which git finds `password` for the remote URL and its server.
  static void add_credentials(job::GetSourcesParameters& parameters, const std::string& password);
  /// Parameters of a job on `ref` (main): refspecs as the coordinator gives them.
  job::GetSourcesParameters parameters(const std::string& sha,
                                       const std::string& ref = "main") const;
  StageResult get_sources(const job::GetSourcesParameters& parameters) const;
  /// Commits reachable from HEAD of the project directory.
  int history() const;
  std::string head() const { return git(project_, {"rev-parse", "HEAD"}); }
  /// Creates the served repository anew.
  void make_repository(const std::vector<std::string>& init_flags = {});
  std::string served_requests() const;

  static constexpr const char* token = "s3cr3t-t0ken";
  std::filesystem::path home_;
  std::filesystem::path project_;
  std::filesystem::path temp_;
  std::filesystem::path seed_;
};

}  // namespace slipway::helper
