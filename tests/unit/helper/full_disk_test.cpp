// Artifacts where the disk is full: a file system of a few hundred KiB in a mount namespace.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <random>

#include "artifacts_fixture.hpp"
#include "helper/stage.hpp"

namespace slipway::helper {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr int no_namespace = 98;

class FullDisk : public ArtifactStageTest {
 protected:
  void SetUp() override {
    ArtifactStageTest::SetUp();
    small_ = root_ / "small";
    std::filesystem::create_directory(small_);
  }

  static std::string random_bytes(std::size_t size) {
    std::mt19937 random{7};
    std::string bytes(size, '\0');
    for (auto& byte : bytes) byte = static_cast<char>(random());
    return bytes;
  }

  /// A zip with one file of a MiB, as a job has uploaded it.
  std::string archive() {
    write("large.bin", random_bytes(1 << 20));
    script({{201}});
    job::ArtifactUpload wanted;
    wanted.paths = {"large.bin"};
    wanted.format = "zip";
    EXPECT_EQ(upload(upload_of({wanted})).code, 0);
    std::filesystem::remove(project_ / "large.bin");
    return file_of(seen().back().body).content;
  }

  /// The stage with a file system of 256 KiB at `small_`, on which `prepare` ran.
  template <class Prepare>
  StageResult run_on_small_disk(const char* stage, const nlohmann::json& parameters,
                                Prepare prepare) const {
    const auto out = home_ / "out";
    const pid_t pid = ::fork();
    if (pid == 0) {
      const int file = ::open(out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
      ::dup2(file, STDOUT_FILENO);
      ::dup2(file, STDERR_FILENO);
      const bool made =
          (::unshare(CLONE_NEWNS) == 0 || ::unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0) &&
          ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
          ::mount("tmpfs", small_.c_str(), "tmpfs", 0, "size=256k") == 0;
      if (!made) std::_Exit(no_namespace);
      prepare();
      std::_Exit(run_native_stage(stage, parameters.dump()));
    }
    int status = 0;
    ::waitpid(pid, &status, 0);
    const int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    EXPECT_NE(code, no_namespace) << "mount namespaces are needed for this test";
    return {code, plain(read_file(out)), ""};
  }

  std::filesystem::path small_;
};

TEST_F(FullDisk, AnArchiveThatFindsNoRoomIsSaid) {
  script({{200, archive()}});
  auto parameters = download_of({{7, "token", "build"}});
  parameters.variables = {{"ARCHIVER_STAGING_DIR", small_.string()}};
  const auto result = run_on_small_disk("download_artifacts", parameters, [] {});
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.out, HasSubstr("cannot store the artifacts: No space left on device"));
}

TEST_F(FullDisk, AFileThatFindsNoRoomIsNamed) {
  script({{200, archive()}});
  auto parameters = download_of({{7, "token", "build"}});
  parameters.project_dir = small_.string();
  const auto result = run_on_small_disk("download_artifacts", parameters, [] {});
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.out,
              AllOf(HasSubstr("FATAL: "), HasSubstr("large.bin"), HasSubstr("No space left")));
}

TEST_F(FullDisk, AnUploadNeedsNoRoom) {
  job::ArtifactUpload wanted;
  wanted.paths = {"a"};
  wanted.format = "zip";
  auto parameters = upload_of({wanted});
  parameters.project_dir = small_.string();
  parameters.variables.emplace_back("TMPDIR", small_.string());
  script({{201}});
  const auto result = run_on_small_disk("upload_artifacts_on_success", parameters, [path = small_] {
    write_file(path / "a", "small");
    write_file(path / "filling", std::string(1 << 20, 'x'));
  });
  EXPECT_EQ(result.code, 0) << result.out;
  EXPECT_THAT(seen(), testing::SizeIs(1));
}

}  // namespace
}  // namespace slipway::helper
