#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

#include "docker_api/client.hpp"

namespace slipway::docker_api {
namespace {

/// What `tar` makes of an archive: `tar <options> -f <file>`.
std::string tar(const std::string& archive, const std::string& options) {
  const auto path = std::filesystem::temp_directory_path() /
                    ("slipway-tar-test-" + std::to_string(::getpid()) + ".tar");
  std::ofstream{path, std::ios::binary} << archive;
  const auto command = "TZ=UTC tar " + options + " -f " + path.string() + " 2>&1";
  std::string output;
  FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error{"cannot run tar"};
  std::array<char, 4096> buffer;
  while (const auto size = std::fread(buffer.data(), 1, buffer.size(), pipe))
    output.append(buffer.data(), size);
  EXPECT_EQ(::pclose(pipe), 0) << output;
  std::filesystem::remove(path);
  return output;
}

TEST(TarBuilder, IsReadBackByTar) {
  TarBuilder builder;
  builder.add_directory("/builds/group", 0777);
  builder.add_directory("tmp/", 01777);
  builder.add_file("/certs/client/key.pem", 0600, "secret");
  builder.add_file("empty", 0644, "");
  const auto archive = builder.finish();
  EXPECT_EQ(archive.size() % 512, 0u);
  EXPECT_EQ(tar(archive, "--numeric-owner -tv"),
            "drwxrwxrwx 0/0               0 1970-01-01 00:00 builds/group/\n"
            "drwxrwxrwt 0/0               0 1970-01-01 00:00 tmp/\n"
            "-rw------- 0/0               6 1970-01-01 00:00 certs/client/key.pem\n"
            "-rw-r--r-- 0/0               0 1970-01-01 00:00 empty\n");
  EXPECT_EQ(tar(archive, "-xO"), "secret");
}

TEST(TarBuilder, KeepsPathsOfEveryLength) {
  // Around the 100 bytes of the name, the 255 of prefix and name, and where the record's own length
  // gains a digit.
  for (const std::size_t length :
       {1u, 99u, 100u, 101u, 155u, 254u, 255u, 256u, 257u, 990u, 3000u}) {
    for (const std::size_t segment : {20u, 101u, 250u}) {
      std::string path;
      while (path.size() < length) path += path.size() % segment == segment - 1 ? '/' : 'p';
      if (path.back() == '/') path.back() = 'e';
      TarBuilder builder;
      builder.add_directory(path, 0755);
      builder.add_file(path, 0644, "content of " + path);
      const auto archive = builder.finish();
      ASSERT_EQ(tar(archive, "-t"), path + "/\n" + path + "\n");
      ASSERT_EQ(tar(archive, "-xO"), "content of " + path);
    }
  }
}

TEST(TarBuilder, PadsEveryContentToBlocks) {
  std::string want;
  TarBuilder builder;
  for (const std::size_t size : {1u, 511u, 512u, 513u, 100'000u}) {
    const std::string content(size, static_cast<char>('a' + size % 26));
    builder.add_file("file-" + std::to_string(size), 0644, content);
    want += content;
  }
  EXPECT_EQ(tar(builder.finish(), "-xO"), want);
}

TEST(TarBuilder, IsDeterministicAndStartsAfresh) {
  TarBuilder builder;
  builder.add_file("a", 0644, "1");
  const auto first = builder.finish();
  EXPECT_EQ(builder.finish(), std::string(1024, '\0'));
  builder.add_file("a", 0644, "1");
  EXPECT_EQ(builder.finish(), first);
}

TEST(TarBuilder, RefusesEntriesWithoutAPath) {
  TarBuilder builder;
  EXPECT_THROW(builder.add_directory("/", 0755), std::invalid_argument);
  EXPECT_THROW(builder.add_file("", 0644, "x"), std::invalid_argument);
  EXPECT_THROW(builder.add_file(std::string_view{"a\0b", 3}, 0644, "x"), std::invalid_argument);
}

}  // namespace
}  // namespace slipway::docker_api
