#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive_fixture.hpp"
#include "helper/archive/archive_error.hpp"

namespace slipway::helper::archive {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class ArchiveHostile : public ArchiveTest {
 protected:
  std::string outside(const std::string& place) const {
    return place + " cannot be extracted outside of chroot (" + target_.string() + ")";
  }
  // Nothing may appear beside the target.
  void TearDown() override {
    EXPECT_FALSE(fs::exists(root_ / "x"));
    EXPECT_TRUE(fs::is_empty(project_));
    ArchiveTest::TearDown();
  }
  // Overwrites `bytes` at `at` in `zip_`.
  void patch(std::size_t at, std::string_view bytes) const {
    auto all = read_all(zip_);
    ASSERT_LE(at + bytes.size(), all.size());
    all.replace(at, bytes.size(), bytes);
    write_all(zip_, all);
  }
};

TEST_F(ArchiveHostile, E63NamesDoNotLeaveTheDirectory) {
  python_zip("z.writestr('first', '1')\nentry('../x', 0o100644, b'2')\nz.writestr('last', '3')");
  EXPECT_EQ(extract(), outside(root_.string() + "/x"));
  EXPECT_FALSE(fs::exists(target_ / "last"));
  python_zip("entry('a/../../x', 0o100644)");
  EXPECT_EQ(extract(), outside(root_.string() + "/x"));
  python_zip("entry('/../x', 0o100644)");
  EXPECT_EQ(extract(), outside(root_.string() + "/x"));
  python_zip("entry('..', stat.S_IFDIR | 0o777)");
  EXPECT_EQ(extract(), outside(root_.string()));
  python_zip("entry('../x', stat.S_IFLNK | 0o777, b'/etc')");
  EXPECT_EQ(extract(), outside(root_.string() + "/x"));
}

TEST_F(ArchiveHostile, E63AbsoluteNamesLandInside) {
  python_zip(
      "entry('/abs/f', 0o100644, b'1')\nentry('./dot//f', 0o100644, b'2')\n"
      "entry('a/../up', 0o100644, b'3')\nentry('./', stat.S_IFDIR | 0o000)");
  EXPECT_EQ(extract(), "");
  EXPECT_EQ(read_all(target_ / "abs/f"), "1");
  EXPECT_EQ(read_all(target_ / "dot/f"), "2");
  EXPECT_EQ(read_all(target_ / "up"), "3");
}

TEST_F(ArchiveHostile, E63NothingIsWrittenThroughALinkOfTheSameArchive) {
  python_zip("entry('ln', stat.S_IFLNK | 0o777, b'../project')\nentry('ln/f', 0o100644, b'1')");
  EXPECT_EQ(extract(), "remove " + target_.string() + "/ln: directory not empty");
  EXPECT_EQ(read_all(target_ / "ln/f"), "1");
}

TEST_F(ArchiveHostile, NoLinkIsPlacedThroughAnotherOne) {
  python_zip(
      "entry('a', stat.S_IFLNK | 0o777, b'../project')\n"
      "entry('a/b', stat.S_IFLNK | 0o777, b'/etc')");
  EXPECT_EQ(extract(), outside(target_.string() + "/a"));
}

TEST_F(ArchiveHostile, LinksThatWereThereLeadNowhereOutside) {
  fs::create_symlink(project_, target_ / "out");
  fs::create_symlink("../project", target_ / "relative");
  fs::create_directory(target_ / "real");
  fs::create_symlink("real", target_ / "in");
  fs::create_symlink(target_ / "real", target_ / "absolute");
  python_zip("entry('in/1', 0o100644, b'1')\nentry('absolute/2', 0o100644, b'2')");
  EXPECT_EQ(extract(), "");
  EXPECT_EQ(read_all(target_ / "real/1") + read_all(target_ / "real/2"), "12");
  for (const auto* name : {"out", "relative"}) {
    for (const auto* what : {"/f', 0o100644)", "/d/f', 0o100644)", "/', stat.S_IFDIR | 0o700)",
                             "/l', stat.S_IFLNK | 0o777, b'x')"}) {
      python_zip("entry('" + std::string{name} + what);
      EXPECT_THAT(extract(), HasSubstr("cannot be extracted outside of chroot")) << name << what;
    }
  }
}

TEST_F(ArchiveHostile, WhatIsThereIsReplaced) {
  fs::create_symlink(project_ / "victim", target_ / "f");
  write_all(target_ / "l", "old");
  fs::create_directory(target_ / "d");
  python_zip(
      "entry('f', 0o104755, b'new')\nentry('l', stat.S_IFLNK | 0o777, b'x')\n"
      "entry('d', 0o100600, b'file')");
  EXPECT_EQ(extract(), "");
  EXPECT_EQ(read_all(target_ / "f"), "new");
  struct stat status {};
  ASSERT_EQ(lstat((target_ / "f").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode, S_IFREG | 0755u);
  EXPECT_EQ(fs::read_symlink(target_ / "l"), "x");
  EXPECT_EQ(read_all(target_ / "d"), "file");
}

TEST_F(ArchiveHostile, WhatIsNoFileIsRefused) {
  struct Case {
    const char* statement;
    const char* want;
  };
  const Case cases[] = {
      {"entry('dev', stat.S_IFCHR | 0o666)", "zip: dev: it is neither file, directory nor link"},
      {"entry('dev', stat.S_IFBLK | 0o666)", "zip: dev: it is neither file, directory nor link"},
      {"entry('p', stat.S_IFIFO | 0o666)", "zip: p: it is neither file, directory nor link"},
      {"entry('', 0o100644)", "zip: : not a file name"},
      {"entry('.', 0o100644)", "zip: .: not a file name"},
      {"entry('a/..', 0o100644)", "zip: a/..: not a file name"},
      {"entry('l', stat.S_IFLNK | 0o777)", "zip: l: not a link's target"},
      {"entry('l', stat.S_IFLNK | 0o777, b'a\\0b')", "zip: l: not a link's target"},
      {"entry('l', stat.S_IFLNK | 0o777, b'a' * 5000)", "zip: l: not a link's target"},
      {"z.writestr('b', 'x' * 99, ZIP_BZIP2)", "zip: b: unsupported compression method 12"},
      {"entry('a', 0o100644)\nentry('a', 0o100644)", "zip: a: duplicate name"},
      {"entry('a', 0o100644)\nentry('./b/..//a', 0o100644)", "zip: ./b/..//a: duplicate name"},
      {"entry('a', stat.S_IFLNK | 0o777, b'x')\nentry('a/', stat.S_IFDIR | 0o777)",
       "zip: a/: duplicate name"},
  };
  for (const auto& c : cases) {
    python_zip(c.statement);
    EXPECT_EQ(extract(), c.want) << c.statement;
    EXPECT_TRUE(fs::is_empty(target_)) << c.statement;
  }
  python_zip("entry('a', 0o100644)\nentry('a/b', 0o100644)");
  EXPECT_NE(extract(), "");
  python_zip("z.mkdir('twice')\nz.mkdir('twice')");
  EXPECT_EQ(extract(), "");
}

TEST_F(ArchiveHostile, LimitsAreKept) {
  python_zip(
      "for i in range(11): z.writestr(str(i), 'x' * 1000)\nentry('d/' * 30 + 'f', 0o100644)");
  ExtractOptions options;
  options.limits.entries = 11;
  EXPECT_EQ(extract(options), "zip: 12 entries are more than the limit of 11");
  options.limits.entries = 12;
  options.limits.size = 10'999;
  EXPECT_EQ(extract(options), "zip: the files are larger than the limit of 10999 bytes");
  options.limits.size = 11'000;
  EXPECT_TRUE(fs::is_empty(target_));
  options.limits.ratio = 2;
  options.limits.ratio_from = 1000;
  EXPECT_EQ(extract(options), "zip: the files are more than 2 times as large as the archive");
  options.limits.ratio = 10;
  options.limits.depth = 30;
  EXPECT_THAT(extract(options), HasSubstr("f: deeper than the limit of 30 directories"));
  options.limits.depth = 31;
  EXPECT_EQ(extract(options), "");
}

TEST_F(ArchiveHostile, VeryDeepTreesAreRefused) {
  python_zip("entry('d/' * 30000 + 'f', 0o100644)");
  EXPECT_THAT(extract(), HasSubstr("deeper than the limit of 1000 directories"));
  EXPECT_TRUE(fs::is_empty(target_));
}

TEST_F(ArchiveHostile, OverlappingEntriesAreRefused) {
  // Many names for one piece of data: a bomb of any size.
  python_zip(
      "z.writestr('a', b'0' * 100000)\nz.writestr('b', b'0' * 100000)\n"
      "z.filelist[1].header_offset = 0");
  EXPECT_EQ(extract(), "zip: entries overlap");
  python_zip("z.writestr('a', b'0' * 100)\nz.filelist[0].compress_size += 1");
  EXPECT_EQ(extract(), "zip: entries overlap");
}

TEST_F(ArchiveHostile, FalseSizesAndSumsAreFound) {
  struct Case {
    const char* statement;
    const char* want;
  };
  const Case cases[] = {
      {"z.filelist[0].file_size -= 1", "zip: a: its data is broken"},
      {"z.filelist[0].file_size += 1", "zip: a: its data is broken"},
      {"z.filelist[0].CRC ^= 1", "zip: a: checksum error"},
      {"z.filelist[0].flag_bits |= 1", "zip: a: it is encrypted"},
      {"z.filelist[0].compress_type = 0", "zip: a: its header is broken"},
      {"z.filelist[0].compress_size -= 1", "zip: a: its data is broken"},
      {"z.filelist[0].file_size = 3000000", "zip: a: its size is not what the archive says"},
      {"z.filelist[0].filename = 'ab'", "zip: entries overlap"},
      {"z.filelist[0].header_offset += 1", "zip: entries overlap"},
      {"z.filelist[0].header_offset += 500000", "zip: the central directory is broken"},
      {"z.filelist[0].file_size = 1 << 50", "zip: the files are larger than the limit of "},
  };
  for (const auto& c : cases) {
    python_zip("z.writestr('a', b'some text' * 100)\n" + std::string{c.statement});
    EXPECT_THAT(extract(), StartsWith(c.want)) << c.statement;
    EXPECT_TRUE(fs::is_empty(target_)) << c.statement;
  }
  python_zip("z.writestr('a', b'0' * 3000000)\nz.filelist[0].file_size = 2000000");
  EXPECT_EQ(extract(), "zip: a: it is larger than the archive says");
  EXPECT_TRUE(fs::is_empty(target_));
}

TEST_F(ArchiveHostile, TruncatedAndForgedArchivesAreRefused) {
  python_zip("for i in range(20): z.writestr('f%d' % i, 'x' * 100)");
  const auto whole = read_all(zip_);
  for (std::size_t size = 0; size < whole.size(); size += size < whole.size() - 60 ? 37 : 1) {
    write_all(zip_, whole.substr(0, size));
    EXPECT_EQ(extract(), "zip: not a valid zip file") << size;
  }
  struct Case {
    std::size_t back;  // from the end
    std::string_view bytes;
  };
  const Case cases[] = {
      {12, "\x15"},              // one entry more than there are
      {12, "\x13"},              // one less
      {12, "\xFF\xFF"},          // many more
      {10, "\xFF\xFF\xFF\x7F"},  // a directory larger than the file
      {10, "\x01"},              // smaller
      {6, "\xFF\xFF\xFF\x7F"},   // somewhere else
  };
  for (const auto& c : cases) {
    write_all(zip_, whole);
    patch(whole.size() - c.back, c.bytes);
    EXPECT_EQ(extract(), "zip: the central directory is broken") << c.back;
  }
  EXPECT_TRUE(fs::is_empty(target_));
}

TEST_F(ArchiveHostile, NoBrokenByteIsTooMuch) {
  python_zip("z.writestr('a', 'text' * 50)\nz.mkdir('d')\nentry('l', stat.S_IFLNK | 0o777, b'a')");
  const auto whole = read_all(zip_);
  for (std::size_t at = 0; at < whole.size(); ++at) {
    auto broken = whole;
    broken[at] = static_cast<char>(broken[at] ^ 0x81);
    write_all(zip_, broken);
    // Whatever comes of it: no crash, nothing outside.
    const Fd fd{open(zip_.c_str(), O_RDONLY | O_CLOEXEC)};
    try {
      extract_zip(fd.get(), Root{target_});
    } catch (const ArchiveError&) {
    } catch (const std::system_error&) {
    }
  }
}

TEST_F(ArchiveHostile, AFullDiskIsSaid) {
  python_zip("z.writestr('large', b'0123456789' * 500000)");
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const auto ignored = signal(SIGXFSZ, SIG_IGN);
  const rlimit little{1 << 20, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &little);
  const auto error = extract();
  setrlimit(RLIMIT_FSIZE, &before);
  signal(SIGXFSZ, ignored);
  EXPECT_EQ(error, target_.string() + "/large: File too large");
}

}  // namespace
}  // namespace slipway::helper::archive
