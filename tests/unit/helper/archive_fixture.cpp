#include "archive_fixture.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <random>
#include <sstream>

namespace slipway::helper::archive {
namespace fs = std::filesystem;

void ArchiveTest::SetUp() {
  std::string name = (fs::temp_directory_path() / "archive.XXXXXX").string();
  ASSERT_NE(::mkdtemp(name.data()), nullptr);
  root_ = name;
  project_ = root_ / "project";
  target_ = root_ / "target";
  zip_ = root_ / "archive.zip";
  fs::create_directory(project_);
  fs::create_directory(target_);
}

void ArchiveTest::TearDown() {
  fs::remove_all(root_);
}

void ArchiveTest::write(const std::string& path, const std::string& text) const {
  fs::create_directories((project_ / path).parent_path());
  write_all(project_ / path, text);
}

void ArchiveTest::link(const std::string& path, const std::string& target) const {
  fs::create_directories((project_ / path).parent_path());
  fs::create_symlink(target, project_ / path);
}

void ArchiveTest::make_nasty_tree(bool ugly) const {
  write("empty", "");
  write("text.log", words(100'000));
  write("noise.bin", noise(70'000));
  write("with space/quo'te\"s/$HOME & co; `x`", "1");
  write("ünï/cødé 日本", "2");
  write("-dash", "3");
  write("deep/1/2/3/4/5/6/7/8/9/f", "4");
  write("bin/tool", "#!/bin/sh\n");
  fs::create_directories(project_ / "hollow/inner");
  link("link", "text.log");
  link("bin/up", "../empty");
  link("broken", "no/where");
  link("outside", "/etc/passwd");
  write("large.log", words(2'300'000));
  write("large.bin", noise(2'097'152));
  write("mixed.bin", words(900'000) + noise(800'000, 7) + std::string(900'000, '\0'));
  if (ugly) {
    write("new\nline\tand \x1B[31m", "5");
    write("latin-1 \xE9\xFF", "6");
    write("back\\slash", "7");
  }
  fs::permissions(project_ / "bin/tool", fs::perms{0755});
  fs::permissions(project_ / "empty", fs::perms{0400});
  fs::permissions(project_ / "hollow", fs::perms{0700});
  set_times();
}

void ArchiveTest::set_times() const {
  int seconds = 1'600'000'001;
  std::vector<fs::path> all;
  for (const auto& item : fs::recursive_directory_iterator{project_}) all.push_back(item.path());
  std::sort(all.begin(), all.end());
  for (const auto& path : all) {
    seconds += 1001;
    const timespec times[2] = {{seconds, 0}, {seconds, 0}};
    utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW);
  }
}

std::string ArchiveTest::run(const std::vector<std::string>& arguments, const fs::path& directory) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error{"pipe2"};
  const pid_t pid = fork();
  if (pid == 0) {
    std::vector<char*> argv;
    for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    dup2(ends[1], 1);
    dup2(ends[1], 2);
    if (chdir(directory.c_str()) == 0) execvp(argv[0], argv.data());
    _exit(127);
  }
  ::close(ends[1]);
  std::string output;
  char buffer[4096];
  for (ssize_t got; (got = ::read(ends[0], buffer, sizeof buffer)) > 0;)
    output.append(buffer, static_cast<std::size_t>(got));
  ::close(ends[0]);
  int status = 0;
  waitpid(pid, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << arguments[0] << ": " << output;
  return output;
}

void ArchiveTest::python_zip(const std::string& statements) const {
  run({"python3", "-W", "ignore", "-c",
       "import sys, stat, zipfile\n"
       "from zipfile import *\n"
       "z = ZipFile(sys.argv[1], 'w', ZIP_DEFLATED)\n"
       "def entry(name, mode, data=b''):\n"
       "  i = ZipInfo('x'); i.filename = name; i.create_system = 3\n"
       "  i.external_attr = mode << 16; z.writestr(i, data)\n" +
           statements + "\nz.close()\n",
       zip_.string()},
      root_);
}

std::vector<std::string> ArchiveTest::select(const SelectionRequest& request) const {
  const auto selection = select_files(project_, request);
  return {selection.files.begin(), selection.files.end()};
}

ArchiveContents ArchiveTest::zip(const std::vector<std::string>& paths, PackOptions options) const {
  SelectionRequest request;
  request.paths = paths;
  const auto selection = select_files(project_, request);
  std::ofstream out{zip_, std::ios::binary | std::ios::trunc};
  const Sink sink = [&out](std::string_view bytes) {
    out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  };
  return write_zip(Root{project_}, selection.files, options, sink);
}

std::string ArchiveTest::extract(const ExtractOptions& options) const {
  const Fd fd{::open(zip_.c_str(), O_RDONLY | O_CLOEXEC)};
  try {
    extract_archive(fd.get(), Root{target_}, options);
  } catch (const std::exception& error) {
    EXPECT_STRNE(error.what(), "");
    return error.what();
  }
  return "";
}

ArchiveContents ArchiveTest::tar(const std::vector<std::string>& paths, PackOptions options) const {
  SelectionRequest request;
  request.paths = paths;
  const auto selection = select_files(project_, request);
  std::ofstream out{zip_, std::ios::binary | std::ios::trunc};
  const Sink sink = [&out](std::string_view bytes) {
    out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  };
  return write_tar_zstd(Root{project_}, selection.files, options, sink);
}

std::vector<std::string> ArchiveTest::tree(const fs::path& directory) {
  std::vector<std::string> lines;
  for (const auto& item : fs::recursive_directory_iterator{directory}) {
    struct stat status {};
    lstat(item.path().c_str(), &status);
    const bool is_link = S_ISLNK(status.st_mode);
    std::string line = item.path().lexically_relative(directory).string();
    char numbers[64];
    // Not all tools set a link's own time and mode.
    std::snprintf(numbers, sizeof numbers, " %o %lld ", is_link ? S_IFLNK : status.st_mode,
                  is_link ? 0 : static_cast<long long>(status.st_mtime));
    line += numbers;
    if (is_link) line += fs::read_symlink(item.path()).string();
    if (S_ISREG(status.st_mode)) {
      const auto bytes = read_all(item.path());
      line += std::to_string(bytes.size()) + ":" + std::to_string(std::hash<std::string>{}(bytes));
    }
    std::string plain;
    for (const char c : line) {
      if (c >= ' ' && c < 0x7F)
        plain += c;
      else
        plain += "\\" + std::to_string(static_cast<unsigned char>(c));
    }
    lines.push_back(plain);
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}

std::string read_all(const fs::path& path) {
  std::ifstream in{path, std::ios::binary | std::ios::ate};
  if (!in) return "";
  std::string bytes(static_cast<std::size_t>(in.tellg()), '\0');
  in.seekg(0);
  in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  return bytes;
}

void write_all(const fs::path& path, const std::string& bytes) {
  std::ofstream out{path, std::ios::binary | std::ios::trunc};
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

std::string words(std::size_t size) {
  std::string text;
  for (unsigned i = 0; text.size() < size; ++i)
    text += "line " + std::to_string(i * 7919 % 1000) + " of a build log\n";
  text.resize(size);
  return text;
}

std::string prose(std::size_t size, unsigned seed) {
  std::mt19937 random{4};
  std::vector<std::string> all_words(3000);
  for (auto& word : all_words)
    for (auto length = 2 + random() % 9; length > 0; --length)
      word += static_cast<char>('a' + random() % (1 + random() % 26));
  random.seed(seed);
  std::string text;
  while (text.size() < size)
    text += all_words[random() % (1 + random() % all_words.size())] + (random() % 9 ? ' ' : '\n');
  text.resize(size);
  return text;
}

std::string noise(std::size_t size, unsigned seed) {
  std::mt19937 random{seed};
  std::string bytes(size, '\0');
  for (auto& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

}  // namespace slipway::helper::archive
