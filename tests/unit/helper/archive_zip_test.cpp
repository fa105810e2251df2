#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "archive_fixture.hpp"
#include "helper/archive/archive_error.hpp"
#include "helper/archive/zip_directory.hpp"

namespace slipway::helper::archive {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;

class ArchiveZip : public ArchiveTest {};

TEST_F(ArchiveZip, E64ComesBackAsItWas) {
  make_nasty_tree(true);
  unsigned threads = 0;
  for (const auto* level : {"fastest", "fast", "default", "slow", "slowest"}) {
    SCOPED_TRACE(level);
    PackOptions options;
    options.level = *compression_level(level);
    options.threads = threads++;
    const auto contents = zip({"."}, options);
    EXPECT_EQ(contents.packed, fs::file_size(zip_));
    ExtractOptions out;
    out.threads = threads;
    ASSERT_EQ(extract(out), "");
    EXPECT_EQ(tree(target_), tree(project_));
  }
}

TEST_F(ArchiveZip, IsReadByUnzip) {
  make_nasty_tree(true);
  zip();
  run({"unzip", "-q", "-^", zip_.string(), "-d", target_.string()}, root_);
  EXPECT_EQ(tree(target_), tree(project_));
  run({"unzip", "-tqq", zip_.string()}, root_);
}

TEST_F(ArchiveZip, IsReadByPython) {
  make_nasty_tree(false);
  zip();
  EXPECT_EQ(run({"python3", "-c",
                 "import sys, zipfile, os\n"
                 "z = zipfile.ZipFile(sys.argv[1])\n"
                 "print(z.testzip())\n"
                 "for i in z.infolist():\n"
                 "  p = os.path.join(sys.argv[2], i.filename)\n"
                 "  if i.is_dir(): assert os.path.isdir(p)\n"
                 "  elif os.path.islink(p): assert z.read(i).decode() == os.readlink(p)\n"
                 "  else: assert z.read(i) == open(p, 'rb').read(), p\n"
                 "  assert i.external_attr >> 16 == os.lstat(p).st_mode, p\n"
                 "  assert i.create_system == 3 and i.create_version == 20\n",
                 zip_.string(), project_.string()},
                root_),
            "None\n");
}

TEST_F(ArchiveZip, OfInfoZipIsRead) {
  make_nasty_tree(true);
  run({"zip", "-q", "-y", "-r", zip_.string(), "."}, project_);
  ASSERT_EQ(extract(), "");
  EXPECT_EQ(tree(target_), tree(project_));
}

TEST_F(ArchiveZip, OfInfoZipFromAPipeIsRead) {
  write("text.log", words(100'000));
  write("noise.bin", noise(70'000));
  write("large.log", words(2'000'000));
  write("d/f", "");
  set_times();
  run({"sh", "-c", "zip -q -r - . | cat > \"$0\"", zip_.string()}, project_);
  ASSERT_EQ(extract(), "");
  EXPECT_EQ(tree(target_), tree(project_));
}

TEST_F(ArchiveZip, OfPythonIsRead) {
  python_zip(
      "z.writestr('a/b.txt', 'x' * 5000)\nz.writestr('ü.txt', 'y', ZIP_STORED)\n"
      "z.mkdir('d')\nentry('ln', stat.S_IFLNK | 0o777, b'a/b.txt')");
  ASSERT_EQ(extract(), "");
  EXPECT_EQ(read_all(target_ / "a/b.txt"), std::string(5000, 'x'));
  EXPECT_EQ(read_all(target_ / "ü.txt"), "y");
  EXPECT_TRUE(fs::is_directory(target_ / "d"));
  EXPECT_EQ(fs::read_symlink(target_ / "ln"), "a/b.txt");
}

TEST_F(ArchiveZip, WithSomethingBeforeItIsRead) {
  write("f", "text");
  zip();
  write_all(zip_, "#!/bin/sh\nexit\n" + read_all(zip_));
  ASSERT_EQ(extract(), "");
  EXPECT_EQ(read_all(target_ / "f"), "text");
}

TEST_F(ArchiveZip, OfNothingIsEmpty) {
  EXPECT_EQ(zip().packed, 22u);
  EXPECT_EQ(extract(), "");
}

TEST_F(ArchiveZip, IsNoLargerThanInfoZips) {
  make_nasty_tree(false);
  const auto ours = zip().packed;
  fs::remove(zip_);
  run({"zip", "-q", "-1", "-y", "-r", zip_.string(), "."}, project_);
  EXPECT_LE(ours, fs::file_size(zip_));
}

TEST_F(ArchiveZip, E67NamesSpecialFilesAndGoesOn) {
  write("f", "1");
  ASSERT_EQ(mkfifo((project_ / "fifo").c_str(), 0600), 0);
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::copy_n("socket", 7, address.sun_path);
  const auto before = fs::current_path();
  fs::current_path(project_);
  ASSERT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  fs::current_path(before);
  close(fd);
  std::vector<std::string> warnings;
  PackOptions options;
  options.warn = [&](const std::string& text) { warnings.push_back(text); };
  EXPECT_EQ(zip({"."}, options).entries, 1u);
  EXPECT_THAT(warnings,
              ElementsAre("fifo: it is neither file, directory nor link, and is not archived",
                          "socket: it is neither file, directory nor link, and is not archived"));
}

TEST_F(ArchiveZip, NamesWhatHasGone) {
  PathList files;
  files.add("gone");
  std::string warning;
  PackOptions options;
  options.warn = [&](const std::string& text) { warning = text; };
  const auto contents = write_zip(Root{project_}, files, options, [](std::string_view) {});
  EXPECT_EQ(contents.entries, 0u);
  EXPECT_EQ(warning, "gone: it is gone, and is not archived");
}

TEST_F(ArchiveZip, TakesNothingFromOutside) {
  link("out", "/etc");
  PathList files;
  files.add("out/passwd");
  try {
    write_zip(Root{project_}, files, {}, [](std::string_view) {});
    FAIL();
  } catch (const ArchiveError& error) {
    EXPECT_EQ(error.what(), project_.string() +
                                "/out/passwd cannot be archived from outside of chroot (" +
                                project_.string() + ")");
  }
}

TEST_F(ArchiveZip, EndsWithItsSink) {
  write("large", noise(20'000'000));
  for (int i = 0; i < 50; ++i) write("small" + std::to_string(i), "x");
  PathList files;
  for (const auto& path : select({{"."}, {}, false, {}})) files.add(path);
  struct Closed {};
  std::size_t taken = 0;
  EXPECT_THROW(write_zip(Root{project_}, files, {},
                         [&](std::string_view bytes) {
                           taken += bytes.size();
                           if (taken > 5'000'000) throw Closed{};
                         }),
               Closed);
  EXPECT_LT(taken, 8'000'000u);
}

TEST_F(ArchiveZip, E68HoldsManyEntries) {
  write("f", "0");
  PathList files;
  for (int i = 0; i < 66'000; ++i) files.add("f");
  std::string bytes;
  write_zip(Root{project_}, files, {}, [&](std::string_view more) { bytes += more; });
  write_all(zip_, bytes);
  EXPECT_EQ(run({"python3", "-c",
                 "import sys, zipfile; print(len(zipfile.ZipFile(sys.argv[1]).namelist()))",
                 zip_.string()},
                root_),
            "66000\n");
  const Fd fd{open(zip_.c_str(), O_RDONLY | O_CLOEXEC)};
  const ZipDirectory directory{fd.get()};
  directory.check({});
  std::uint64_t seen = 0;
  directory.for_each([&](const ZipEntry& entry) { seen += entry.name == "f" ? 1 : 0; });
  EXPECT_EQ(seen, 66'000u);
  EXPECT_EQ(extract(), "zip: f: duplicate name");
}

TEST_F(ArchiveZip, E68HoldsSparseFilesOfMoreThan4GiB) {
  constexpr std::uint64_t size = (std::uint64_t{4} << 30) + 123'457;
  write("huge", "begin");
  fs::resize_file(project_ / "huge", size);
  {
    std::fstream file{project_ / "huge", std::ios::in | std::ios::out | std::ios::binary};
    file.seekp(size - 3);
    file << "end";
  }
  write("z", "after");
  EXPECT_EQ(zip().size, size + 5);
  EXPECT_LT(fs::file_size(zip_), 8'000'000u);
  EXPECT_THAT(
      run({"python3", "-c",
           "import sys, zipfile\n"
           "for i in zipfile.ZipFile(sys.argv[1]).infolist(): print(i.filename, i.file_size)",
           zip_.string()},
          root_),
      "huge " + std::to_string(size) + "\nz 5\n");
  ASSERT_EQ(extract(), "");
  EXPECT_EQ(fs::file_size(target_ / "huge"), size);
  EXPECT_EQ(read_all(target_ / "z"), "after");
  std::ifstream file{target_ / "huge", std::ios::binary};
  file.seekg(size - 4);
  std::string end(4, 'x');
  file.read(end.data(), 4);
  EXPECT_EQ(end, std::string("\0end", 4));
  struct stat status {};
  ASSERT_EQ(stat((target_ / "huge").c_str(), &status), 0);
  EXPECT_LT(status.st_blocks, 10'000);
}

}  // namespace
}  // namespace slipway::helper::archive
