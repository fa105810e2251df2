#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "archive_fixture.hpp"
#include "helper/archive/archive_error.hpp"
#include "helper/archive/tar_format.hpp"

namespace slipway::helper::archive {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ArchiveTar : public ArchiveTest {
 protected:
  // Of `zip_` by GNU tar into `target_`.
  void extract_by_tar() const {
    run({"bash", "-o", "pipefail", "-c", "zstd -dcq \"$0\" | tar -xpf - -C \"$1\"", zip_.string(),
         target_.string()},
        root_);
  }
  void make_by_tar(const std::string& options) const {
    run({"bash", "-o", "pipefail", "-c", "tar " + options + " -cf - . | zstd -q > \"$0\"",
         zip_.string()},
        project_);
  }
};

TEST_F(ArchiveTar, Case64ComesBackAsItWas) {
  make_nasty_tree(true);
  unsigned threads = 0;
  for (const auto* level : {"fastest", "fast", "default", "slow", "slowest"}) {
    SCOPED_TRACE(level);
    fs::remove_all(target_);
    fs::create_directory(target_);
    PackOptions options;
    options.level = *compression_level(level);
    options.threads = threads++;
    const auto contents = tar({"."}, options);
    EXPECT_EQ(contents.packed, fs::file_size(zip_));
    EXPECT_EQ(contents.entries, tree(project_).size());
    ExtractOptions out;
    out.threads = threads;
    ASSERT_EQ(extract(out), "");
    EXPECT_EQ(tree(target_), tree(project_));
  }
}

TEST_F(ArchiveTar, IsReadByGnuTar) {
  make_nasty_tree(true);
  write(std::string(90, 'a') + "/" + std::string(99, 'b') + "/prefix", "1");
  write(std::string(200, 'c') + "/pax", "2");
  write(std::string(150, 'd') + "\xFF\n" + std::string(60, 'd'), "3");
  link("long target", std::string(300, 't'));
  set_times();
  tar();
  run({"zstd", "-tq", zip_.string()}, root_);
  extract_by_tar();
  EXPECT_EQ(tree(target_), tree(project_));
}

TEST_F(ArchiveTar, IsReadByPython) {
  make_nasty_tree(true);
  write(std::string(200, 'c') + "/pax", "2");
  set_times();
  tar();
  EXPECT_EQ(
      run({"bash", "-o", "pipefail", "-c",
           "zstd -dcq \"$0\" | python3 -c \"\n"
           "import os, stat, sys, tarfile\n"
           "n = 0\n"
           "for i in tarfile.open(fileobj=sys.stdin.buffer, mode='r|', errors='surrogateescape'):\n"
           "  s = os.lstat(i.name); n += 1\n"
           "  assert i.mode == stat.S_IMODE(s.st_mode) and i.mtime == int(s.st_mtime), i.name\n"
           "  assert i.uid == s.st_uid and i.isdir() == stat.S_ISDIR(s.st_mode), i.name\n"
           "  assert not i.issym() or i.linkname == os.readlink(i.name), i.name\n"
           "  assert not i.isreg() or i.size == s.st_size, i.name\n"
           "print(n)\n\"",
           zip_.string()},
          project_),
      std::to_string(tree(project_).size()) + "\n");
}

TEST_F(ArchiveTar, OfGnuTarIsRead) {
  make_nasty_tree(true);
  write(std::string(200, 'c') + "/long", "2");
  link("long target", std::string(300, 't'));
  set_times();
  for (const auto* format : {"--format=gnu", "--format=posix", "--format=oldgnu -b 200",
                             "--format=gnu --label=volume"}) {
    SCOPED_TRACE(format);
    fs::remove_all(target_);
    fs::create_directory(target_);
    make_by_tar(format);
    ASSERT_EQ(extract(), "");
    EXPECT_EQ(tree(target_), tree(project_));
  }
}

TEST_F(ArchiveTar, OfOldFormatsIsRead) {
  write("d/f", "text");
  link("ln", "d/f");
  set_times();
  for (const auto* format : {"--format=v7", "--format=ustar"}) {
    fs::remove_all(target_);
    fs::create_directory(target_);
    make_by_tar(format);
    ASSERT_EQ(extract(), "") << format;
    EXPECT_EQ(tree(target_), tree(project_)) << format;
  }
}

TEST_F(ArchiveTar, OfPythonIsRead) {
  write("f", words(5000));
  for (const auto* format : {"USTAR", "PAX", "GNU"}) {
    fs::remove_all(target_);
    fs::create_directory(target_);
    run({"bash", "-o", "pipefail", "-c",
         "python3 -c \"\n"
         "import io, sys, tarfile\n"
         "t = tarfile.open(fileobj=sys.stdout.buffer, mode='w|', format=tarfile." +
             std::string{format} +
             "_FORMAT)\n"
             "t.add('f', 'ünï/f')\n"
             "i = tarfile.TarInfo('hollow'); i.type = tarfile.DIRTYPE; i.mode = 0o755; "
             "t.addfile(i)\n"
             "i = tarfile.TarInfo('ln'); i.type = tarfile.SYMTYPE; i.linkname = 'f'; t.addfile(i)\n"
             "t.close()\n\" | zstd -q > \"$0\"",
         zip_.string()},
        project_);
    ASSERT_EQ(extract(), "") << format;
    EXPECT_EQ(read_all(target_ / "ünï/f"), words(5000));
    EXPECT_TRUE(fs::is_directory(target_ / "hollow"));
    EXPECT_EQ(fs::read_symlink(target_ / "ln"), "f");
  }
}

TEST_F(ArchiveTar, SeveralFramesAndSkippableOnesAreOneArchive) {
  make_nasty_tree(false);
  tar();
  const auto bytes = run({"zstd", "-dcq", zip_.string()}, root_);
  write_all(root_ / "a", bytes.substr(0, 700));
  write_all(root_ / "b", bytes.substr(700));
  run({"bash", "-o", "pipefail", "-c",
       "zstd -cq a > f; printf '\\120\\052\\115\\030\\003\\000\\000\\000abc' >> f; "
       "zstd -cq --no-check b >> f; mv f \"$0\"",
       zip_.string()},
      root_);
  ASSERT_EQ(extract(), "");
  EXPECT_EQ(tree(target_), tree(project_));
}

TEST_F(ArchiveTar, OfNothingIsEmpty) {
  const auto contents = tar();
  EXPECT_EQ(contents.entries, 0u);
  EXPECT_LT(contents.packed, 100u);
  EXPECT_EQ(extract(), "");
  EXPECT_EQ(
      run({"bash", "-o", "pipefail", "-c", "zstd -dcq \"$0\" | tar -tf -", zip_.string()}, root_),
      "");
}

TEST_F(ArchiveTar, IsNoLargerThanThatOfTarAndZstd) {
  for (int i = 0; i < 40; ++i) {
    write("d" + std::to_string(i % 7) + "/text" + std::to_string(i), prose(400'000, i));
    write("d" + std::to_string(i % 7) + "/noise" + std::to_string(i), noise(500'000, i));
  }
  const auto ours = tar().packed;
  run({"bash", "-o", "pipefail", "-c", "tar -cf - . | zstd -3 -T1 -q > \"$0\"", zip_.string()},
      project_);
  EXPECT_LE(ours, fs::file_size(zip_));
}

TEST_F(ArchiveTar, Case67NamesSpecialFilesAndWhatHasGone) {
  write("f", "1");
  ASSERT_EQ(mkfifo((project_ / "fifo").c_str(), 0600), 0);
  PathList files;
  for (const auto* path : {"f", "fifo", "gone"}) files.add(path);
  std::vector<std::string> warnings;
  PackOptions options;
  options.warn = [&](const std::string& text) { warnings.push_back(text); };
  EXPECT_EQ(write_tar_zstd(Root{project_}, files, options, [](std::string_view) {}).entries, 1u);
  EXPECT_THAT(warnings,
              ElementsAre("fifo: it is neither file, directory nor link, and is not archived",
                          "gone: it is gone, and is not archived"));
}

TEST_F(ArchiveTar, FillsUpWhatShrinksMeanwhile) {
  // The last megabytes are read long after their header was written.
  write("a", noise(3'000'000));
  for (int i = 0; i < 30; ++i) write("b" + std::to_string(i), noise(1'000'000, i));
  write("z", noise(3'000'000));
  PathList files;
  for (const auto& path : select({{"."}, {}, false, {}})) files.add(path);
  std::vector<std::string> warnings;
  PackOptions options;
  options.warn = [&](const std::string& text) { warnings.push_back(text); };
  options.threads = 1;
  {
    std::ofstream out{zip_, std::ios::binary};
    write_tar_zstd(Root{project_}, files, options, [&](std::string_view bytes) {
      if (fs::file_size(project_ / "z") > 5) fs::resize_file(project_ / "z", 5);
      fs::remove(project_ / "b29");
      out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    });
  }
  EXPECT_EQ(extract(), "");
  EXPECT_EQ(read_all(target_ / "z").substr(0, 5), noise(5));
  EXPECT_EQ(fs::file_size(target_ / "b28"), 1'000'000u);
  for (const auto& warning : warnings)
    EXPECT_THAT(warning, ::testing::AnyOf(HasSubstr("z: it shrank while it was archived"),
                                          "b29: it is gone, and is not archived"));
}

TEST_F(ArchiveTar, TakesNothingFromOutside) {
  link("out", "/etc");
  PathList files;
  files.add("out/passwd");
  try {
    write_tar_zstd(Root{project_}, files, {}, [](std::string_view) {});
    FAIL();
  } catch (const ArchiveError& error) {
    EXPECT_THAT(error.what(), HasSubstr("/out/passwd cannot be archived from outside of chroot ("));
  }
}

TEST_F(ArchiveTar, EndsWithItsSink) {
  write("large", noise(60'000'000));
  PathList files;
  files.add("large");
  struct Closed {};
  std::size_t taken = 0;
  const auto sink = [&](std::string_view bytes) {
    taken += bytes.size();
    if (taken > 5'000'000) throw Closed{};
  };
  EXPECT_THROW(write_tar_zstd(Root{project_}, files, {}, sink), Closed);
  EXPECT_LT(taken, 15'000'000u);
}

TEST_F(ArchiveTar, Case68HoldsFilesOfMoreThan8GiB) {
  // More than an octal field can say.
  constexpr std::uint64_t size = (std::uint64_t{8} << 30) + 123'457;
  write("huge", "begin");
  fs::resize_file(project_ / "huge", size);
  {
    std::fstream file{project_ / "huge", std::ios::in | std::ios::out | std::ios::binary};
    file.seekp(size - 3);
    file << "end";
  }
  write("z", "after");
  EXPECT_EQ(tar().size, size + 5);
  EXPECT_LT(fs::file_size(zip_), 2'000'000u);
  EXPECT_THAT(
      run({"bash", "-o", "pipefail", "-c", "zstd -dcq \"$0\" | tar -tvf -", zip_.string()}, root_),
      HasSubstr(" " + std::to_string(size) + " "));
  ASSERT_EQ(extract(), "");
  EXPECT_EQ(fs::file_size(target_ / "huge"), size);
  EXPECT_EQ(read_all(target_ / "z"), "after");
  struct stat status {};
  ASSERT_EQ(stat((target_ / "huge").c_str(), &status), 0);
  EXPECT_LT(status.st_blocks, 10'000);
}

TEST_F(ArchiveTar, HoldsAnyNumber) {
  for (const std::int64_t mtime : {-5ll, 0ll, 8589934592ll, 1ll << 40}) {
    TarEntry entry;
    entry.name = "f";
    entry.mtime = mtime;
    entry.uid = 4294967295u;
    entry.gid = 2097151;
    entry.mode = 04755;
    const auto bytes = tar_header(entry);
    auto again = parse_tar_header(std::string_view{bytes}.substr(bytes.size() - tar_block));
    ASSERT_TRUE(again);
    const std::string_view records{bytes};
    if (bytes.size() > tar_block) {
      const auto pax = parse_tar_header(records.substr(0, tar_block));
      ASSERT_TRUE(pax && pax->is(TarKind::pax));
      EXPECT_EQ(apply_pax_records(records.substr(tar_block, pax->size), *again), "");
    }
    EXPECT_EQ(again->mtime, mtime);
    EXPECT_EQ(again->uid, 4294967295u);
    EXPECT_EQ(again->gid, 2097151u);
    EXPECT_EQ(again->mode, 04755u);
  }
}

TEST_F(ArchiveTar, ReadsNumbersAsGnuWritesThem) {
  auto block = tar_header({.name = "f", .target = {}, .mtime = 7});
  const auto put = [&](std::size_t at, const std::string& bytes) {
    block.replace(at, bytes.size(), bytes);
    block.replace(148, 8, "        ");
    unsigned sum = 0;
    for (const char c : block) sum += static_cast<unsigned char>(c);
    char text[9];
    std::snprintf(text, sizeof text, "%06o", sum);
    block.replace(148, 7, text, 7);
  };
  put(124, std::string{"\x80\0\0\0\0\0\0\x02\0\0\0\0", 12});
  EXPECT_EQ(parse_tar_header(block)->size, std::uint64_t{1} << 33);
  put(124, "      17777 ");
  EXPECT_EQ(parse_tar_header(block)->size, 8191u);
  put(136, std::string(12, '\xFF'));
  EXPECT_EQ(parse_tar_header(block)->mtime, -1);
  put(124, std::string(12, '\xFF'));
  EXPECT_FALSE(parse_tar_header(block));
  put(124, std::string{"\x80\x01\0\0\0\0\0\0\0\0\0\0", 12});
  EXPECT_FALSE(parse_tar_header(block));
  put(124, "00000x000000");
  EXPECT_FALSE(parse_tar_header(block));
  put(124, "00000000000 ");
  EXPECT_TRUE(parse_tar_header(block));
  block[0] = 'g';
  EXPECT_FALSE(parse_tar_header(block));
}

TEST_F(ArchiveTar, ReadsPaxRecords) {
  TarEntry entry;
  EXPECT_EQ(apply_pax_records("13 path=a=\nb\n20 mtime=-1.5000000\n12 uid=12345\n"
                              "9 gid=-1\n14 other=thing\n10 size=99\n",
                              entry),
            "its pax header is broken");  // "12 uid=12345\n" has 13
  EXPECT_EQ(apply_pax_records("13 path=a=\nb\n20 mtime=-1.5000000\n13 uid=12345\n"
                              "9 gid=-1\n16 other=things\n11 size=99\n",
                              entry),
            "");
  EXPECT_EQ(entry.name, "a=\nb");
  EXPECT_EQ(entry.mtime, -2);
  EXPECT_EQ(entry.uid, 12345u);
  EXPECT_EQ(entry.gid, std::nullopt);
  EXPECT_EQ(entry.size, 99u);
  for (const auto* broken :
       {"5 a=b", "0 a=b\n", "x", "7 a=b\n", "99 a=b\n", "99999999999999999999999 a=b\n", "6 aab\n",
        "-6 a=b\n", "3 \n", "10 path=ab", "9 size=-1\n\n", "8 path=\n", "12 mtime=a.b\n",
        "21 size=9e99999999999\n", "30 size=99999999999999999999\n"})
    EXPECT_NE(apply_pax_records(broken, entry), "") << broken;
}

}  // namespace
}  // namespace slipway::helper::archive
