#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "helper/archive/extract.hpp"
#include "helper/archive/file_selection.hpp"
#include "helper/archive/tar_writer.hpp"
#include "helper/archive/zip_reader.hpp"
#include "helper/archive/zip_writer.hpp"

namespace slipway::helper::archive {

/// A project directory, and one to extract into, fresh per test.
class ArchiveTest : public ::testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  /// Creates `project_/<path>` with its directories.
  void write(const std::string& path, const std::string& text) const;
  void link(const std::string& path, const std::string& target) const;
  /// What users and their tools come up with. Names that other tools change or refuse are `ugly`.
  void make_nasty_tree(bool ugly) const;
  /// Gives everything in the project a time of its own.
  void set_times() const;
  /// Runs a program in `directory`; returns what it printed, and fails the test if it fails.
  static std::string run(const std::vector<std::string>& arguments,
                         const std::filesystem::path& directory);
  /// Makes `zip_` by a piece of Python: `z` is the open ZipFile, `ZipInfo` and the like are at
  /// hand.
  void python_zip(const std::string& statements) const;

  std::vector<std::string> select(const SelectionRequest& request) const;
  /// Archives what `paths` select to `zip_`.
  ArchiveContents zip(const std::vector<std::string>& paths = {"."},
                      PackOptions options = {}) const;
  ArchiveContents tar(const std::vector<std::string>& paths = {"."},
                      PackOptions options = {}) const;
  /// Extracts `zip_`, whatever it is, to `target_`; returns the error's text, empty on success.
  std::string extract(const ExtractOptions& options = {}) const;
  /// One line for each file below `directory`: path, type and mode, time, and content or target,
  /// with what is not printable escaped.
  static std::vector<std::string> tree(const std::filesystem::path& directory);

  std::filesystem::path root_;
  std::filesystem::path project_;
  std::filesystem::path target_;
  std::filesystem::path zip_;
};

std::string read_all(const std::filesystem::path& path);
void write_all(const std::filesystem::path& path, const std::string& bytes);
/// Text that packs well, and bytes that do not; the same every time.
std::string words(std::size_t size);
/// Text as people write it: many words, no two lines the same.
std::string prose(std::size_t size, unsigned seed = 1);
std::string noise(std::size_t size, unsigned seed = 1);

}  // namespace slipway::helper::archive
