#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "archive_fixture.hpp"
#include "helper/archive/archive_error.hpp"
#include "helper/archive/tar_reader.hpp"
#include "helper/archive/zstd.hpp"

namespace slipway::helper::archive {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class ArchiveTarHostile : public ArchiveTest {
 protected:
  void TearDown() override {
    EXPECT_FALSE(fs::exists(root_ / "x"));
    EXPECT_TRUE(fs::is_empty(project_));
    ArchiveTest::TearDown();
  }

  std::string outside(const std::string& place) const {
    return place + " cannot be extracted outside of chroot (" + target_.string() + ")";
  }

  // Makes `zip_` by a piece of Python: file(name, data), link(name, target), entry(name, type, …).
  void python_tar(const std::string& statements, const std::string& zstd = "zstd -q") const {
    write_all(
        root_ / "make.py",
        "import io, sys, tarfile\n"
        "from tarfile import (TarInfo, REGTYPE, SYMTYPE, LNKTYPE, DIRTYPE, CHRTYPE, BLKTYPE,\n"
        "  FIFOTYPE, GNUTYPE_SPARSE, PAX_FORMAT, GNU_FORMAT)\n"
        "out = io.BytesIO()\n"
        "t = tarfile.open(fileobj=out, mode='w', format=PAX_FORMAT)\n"
        "def entry(name, type, data=b'', **more):\n"
        "  i = TarInfo(name); i.type = type; i.size = len(data); i.mode = 0o644\n"
        "  for k, v in more.items(): setattr(i, k, v)\n"
        "  t.addfile(i, io.BytesIO(data))\n"
        "def file(name, data=b'', **more): entry(name, REGTYPE, data, **more)\n"
        "def link(name, target): entry(name, SYMTYPE, linkname=target)\n" +
            statements +
            "\nt.close()\n"
            "sys.stdout.buffer.write(out.getvalue())\n");
    run({"bash", "-o", "pipefail", "-c", "python3 make.py | " + zstd + " > \"$0\"", zip_.string()},
        root_);
    fs::remove(root_ / "make.py");
  }
  // What check_archive() says of `zip_`.
  std::string check() const {
    const Fd fd{open(zip_.c_str(), O_RDONLY | O_CLOEXEC)};
    try {
      check_archive(fd.get());
    } catch (const ArchiveError& error) {
      return error.what();
    }
    return "";
  }
  void clear_target() const {
    fs::remove_all(target_);
    fs::create_directory(target_);
  }
};

TEST_F(ArchiveTarHostile, Case63NamesDoNotLeaveTheDirectory) {
  python_tar("file('first', b'1')\nfile('../x', b'2')\nfile('last', b'3')");
  EXPECT_EQ(extract(), outside(root_.string() + "/x"));
  EXPECT_EQ(read_all(target_ / "first"), "1");
  EXPECT_FALSE(fs::exists(target_ / "last"));
  const std::string_view statements[] = {"file('a/../../x')",
                                         "file('/../x')",
                                         "link('../x', '/etc')",
                                         "entry('../x', DIRTYPE)",
                                         "file('ok')\nentry('../x', LNKTYPE, linkname='ok')",
                                         "file('a', pax_headers={'path': '../x'})"};
  for (const auto statement : statements) {
    python_tar(std::string{statement});
    EXPECT_EQ(extract(), outside(root_.string() + "/x")) << statement;
  }
  python_tar("entry('l', LNKTYPE, linkname='../project/secret')");
  EXPECT_EQ(extract(), outside(root_.string() + "/project/secret"));
  python_tar("entry('..', DIRTYPE, mode=0o777)");
  EXPECT_EQ(extract(), outside(root_.string()));
}

TEST_F(ArchiveTarHostile, Case63AbsoluteNamesLandInside) {
  python_tar(
      "file('/abs/f', b'1')\nfile('./dot//f', b'2')\nfile('a/../up', b'3')\n"
      "entry('./', DIRTYPE, mode=0)\nentry('/', DIRTYPE, mode=0)");
  EXPECT_EQ(extract(), "");
  EXPECT_EQ(read_all(target_ / "abs/f"), "1");
  EXPECT_EQ(read_all(target_ / "dot/f"), "2");
  EXPECT_EQ(read_all(target_ / "up"), "3");
}

TEST_F(ArchiveTarHostile, Case63NothingIsWrittenThroughALinkOfTheSameArchive) {
  python_tar("link('ln', '../project')\nfile('ln/f', b'1')");
  EXPECT_EQ(extract(), "symlink ../project " + target_.string() + "/ln: file exists");
  EXPECT_EQ(read_all(target_ / "ln/f"), "1");
  clear_target();
  python_tar("link('ln', '../project/f')\nfile('ln', b'1')");
  EXPECT_EQ(extract(), "symlink ../project/f " + target_.string() + "/ln: file exists");
  EXPECT_EQ(read_all(target_ / "ln"), "1");
  clear_target();
  python_tar("link('a', '../project')\nlink('a/b', '/etc')");
  EXPECT_EQ(extract(), outside(target_.string() + "/a"));
  clear_target();
  python_tar("link('a', '..')\nentry('h', LNKTYPE, linkname='a/archive.zip')");
  EXPECT_THAT(extract(), StartsWith("tar.zst: h: a hard link to what is no file: "));
}

TEST_F(ArchiveTarHostile, LinksThatWereThereLeadNowhereOutside) {
  fs::create_directory(target_ / "real");
  fs::create_symlink("real", target_ / "in");
  write_all(target_ / "real/old", "old text");
  fs::create_symlink("real/old", target_ / "alias");
  fs::create_symlink(project_, target_ / "out");
  write_all(root_ / "victim", "victim");
  fs::create_symlink(root_ / "victim", target_ / "absolute");
  fs::create_symlink("../victim", target_ / "relative");
  fs::create_symlink("nothing", target_ / "dangling");
  python_tar("file('in/1', b'1')\nfile('alias', b'new')");
  EXPECT_EQ(extract(), "");
  EXPECT_EQ(read_all(target_ / "real/1"), "1");
  EXPECT_EQ(read_all(target_ / "real/old"), "new");
  EXPECT_TRUE(fs::is_symlink(target_ / "alias"));
  for (const auto* statement : {"file('out/f')", "file('out/d/f')", "file('absolute')",
                                "file('relative')", "entry('out/', DIRTYPE)", "link('out/l', 'x')",
                                "file('ok')\nentry('out/h', LNKTYPE, linkname='ok')",
                                "entry('h', LNKTYPE, linkname='out/f')"}) {
    python_tar(statement);
    EXPECT_THAT(extract(), HasSubstr("cannot be extracted outside of chroot")) << statement;
  }
  EXPECT_EQ(read_all(root_ / "victim"), "victim");
  python_tar("file('dangling')");
  EXPECT_EQ(extract(), target_.string() + "/dangling: there is a link to nothing");
}

TEST_F(ArchiveTarHostile, Case52LinksReplaceNothing) {
  python_tar("file('f')\nlink('ln', 'f')");
  EXPECT_EQ(extract(), "");
  EXPECT_EQ(extract(), "symlink f " + target_.string() + "/ln: file exists");
  python_tar("link('f', 'x')");
  EXPECT_EQ(extract(), "symlink x " + target_.string() + "/f: file exists");
  // A zip archive replaces it.
  python_zip("entry('ln', stat.S_IFLNK | 0o777, b'elsewhere')");
  EXPECT_EQ(extract(), "");
  EXPECT_EQ(fs::read_symlink(target_ / "ln"), "elsewhere");
}

TEST_F(ArchiveTarHostile, FilesAreWrittenInPlace) {
  write_all(target_ / "f", "a longer old text");
  fs::create_hard_link(target_ / "f", target_ / "other name");
  write_all(target_ / "read only", "old");
  fs::permissions(target_ / "read only", fs::perms{0400});
  fs::create_directory(target_ / "d");
  python_tar("file('f', b'new', mode=0o4755, mtime=1234567)\nfile('read only', b'new')");
  EXPECT_EQ(extract(), "");
  EXPECT_EQ(read_all(target_ / "other name"), "new");
  EXPECT_EQ(read_all(target_ / "read only"), "new");
  struct stat status {};
  ASSERT_EQ(lstat((target_ / "f").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode, S_IFREG | 0755u);
  EXPECT_EQ(status.st_mtime, 1234567);
  python_tar("file('d')");
  EXPECT_EQ(extract(), target_.string() + "/d: Is a directory");
  python_tar("entry('f', DIRTYPE)");
  EXPECT_EQ(extract(), target_.string() + "/f: Not a directory");
  ASSERT_EQ(mkfifo((target_ / "fifo").c_str(), 0600), 0);
  python_tar("file('fifo', b'x')");
  EXPECT_EQ(extract(), target_.string() + "/fifo: there is something that is no file");
}

TEST_F(ArchiveTarHostile, TheLastOfSeveralFilesOfOneNameCounts) {
  python_tar(
      "for i in range(60): file('f', bytes([i]) * 900000)\n"
      "file('a', b'1')\nentry('b', LNKTYPE, linkname='a')\nfile('b', b'22')\n"
      "for i in range(60): file('f', bytes([i]) * (1000000 - i * 10000))");
  EXPECT_EQ(extract(), "");
  EXPECT_EQ(read_all(target_ / "f"), std::string(410'000, 59));
  EXPECT_EQ(read_all(target_ / "a"), "22");
}

TEST_F(ArchiveTarHostile, HardLinksAreMadeInside) {
  python_tar(
      "file('d/a', b'text')\nentry('b', LNKTYPE, linkname='d/a')\nentry('b', LNKTYPE, "
      "linkname='./d//a')\nentry('b', LNKTYPE, linkname='b')");
  EXPECT_EQ(extract(), "");
  EXPECT_EQ(read_all(target_ / "b"), "text");
  EXPECT_EQ(fs::hard_link_count(target_ / "b"), 2u);
}

TEST_F(ArchiveTarHostile, WhatIsNoFileIsRefused) {
  struct Case {
    const char* statement;
    const char* want;
  };
  const Case cases[] = {
      {"entry('dev', CHRTYPE, devmajor=1, devminor=3)",
       "tar.zst: dev: it is neither file, directory nor link"},
      {"entry('dev', BLKTYPE, devmajor=8)", "tar.zst: dev: it is neither file, directory nor link"},
      {"entry('p', FIFOTYPE)", "tar.zst: p: it is neither file, directory nor link"},
      {"entry('q', b'Q')", "tar.zst: q: it is neither file, directory nor link"},
      {"entry('s', GNUTYPE_SPARSE)", "tar.zst: s: it is a sparse file of GNU tar, unsupported"},
      {"file('s', pax_headers={'GNU.sparse.major': '1', 'GNU.sparse.realsize': '1'})",
       "tar.zst: s: it is a sparse file of GNU tar, unsupported"},
      {"file('')", "tar.zst: : not a file name"},
      {"file('.')", "tar.zst: .: not a file name"},
      {"file('a/..')", "tar.zst: a/..: not a file name"},
      {"file('a', pax_headers={'path': 'b\\0c'})", "not a file name"},
      {"link('l', '')", "tar.zst: l: not a link's target"},
      {"link('l', 'a' * 5000)", "tar.zst: l: not a link's target"},
      {"entry('h', LNKTYPE, linkname='none')", "tar.zst: h: a hard link to what is no file: none"},
      {"entry('h', LNKTYPE, linkname='')", "tar.zst: h: not a link's target"},
      {"file('n', pax_headers={'mtime': 'soon'})",
       "tar.zst: n: its pax header has a broken \"mtime\""},
      {"file('n', pax_headers={'comment': 'x' * 1100000})", "tar.zst: a header of it is too long"},
      {"entry('x', b'L', b'x' * 1100000)", "tar.zst: a header of it is too long"},
      {"entry('x', b'L', b'x' * 10)", "tar.zst: a header without its entry"},
      {"for i in range(99): entry('x', b'L', b'x' * 10)",
       "tar.zst: too many headers for one entry"},
  };
  for (const auto& c : cases) {
    python_tar(c.statement);
    EXPECT_THAT(extract(), EndsWith(c.want)) << c.statement;
    EXPECT_TRUE(fs::is_empty(target_)) << c.statement;
  }
}

TEST_F(ArchiveTarHostile, StrangeNamesAreNames) {
  python_tar(
      "file('new\\nline', b'1')\nfile('esc \\x1b[31m', b'2')\n"
      "i = TarInfo('latin'); i.size = 1\n"
      "b = bytearray(i.tobuf(GNU_FORMAT)); b[0:5] = b'\\xff\\xfe\\n\\xe9$'\n"
      "b[148:156] = b' ' * 8; b[148:156] = b'%06o\\0 ' % sum(b)\n"
      "out.write(bytes(b) + b'3'.ljust(512, b'\\0'))");
  EXPECT_EQ(extract(), "");
  EXPECT_EQ(read_all(target_ / "new\nline"), "1");
  EXPECT_EQ(read_all(target_ / "esc \x1B[31m"), "2");
  EXPECT_EQ(read_all(target_ / "\xFF\xFE\n\xE9$"), "3");
}

TEST_F(ArchiveTarHostile, LimitsAreKept) {
  python_tar("for i in range(11): file(str(i), b'x' * 1000)\nlink('l', 'x')");
  ExtractOptions options;
  options.limits.entries = 11;
  EXPECT_EQ(extract(options), "tar.zst: more entries than the limit of 11");
  options.limits.entries = 12;
  options.limits.size = 10'999;
  clear_target();
  EXPECT_EQ(extract(options), "tar.zst: the files are larger than the limit of 10999 bytes");
  options.limits.size = 11'000;
  options.limits.zstd_ratio = 2;
  options.limits.zstd_ratio_from = 1000;
  clear_target();
  EXPECT_EQ(extract(options), "tar.zst: the files are more than 2 times as large as the archive");
  options.limits.zstd_ratio = 1000;
  options.limits.remembered = 10;
  clear_target();
  EXPECT_EQ(extract(options), "tar.zst: too many links and directories");
  options.limits.remembered = 1000;
  clear_target();
  EXPECT_EQ(extract(options), "");
  python_tar("file('d/' * 30000 + 'f')");
  EXPECT_THAT(extract(), EndsWith("deeper than the limit of 1000 directories"));
}

TEST_F(ArchiveTarHostile, ABombIsDefused) {
  // 300 MiB of one byte in 30 KB.
  run({"sh", "-c",
       "head -c 100M /dev/zero | tr '\\0' a > block && "
       "(for i in $(seq 3); do cat block; done) | python3 -c \"\n"
       "import sys, tarfile\n"
       "i = tarfile.TarInfo('bomb'); i.size = 3 * 100 * 1048576\n"
       "sys.stdout.buffer.write(i.tobuf()); sys.stdout.flush()\n"
       "import shutil; shutil.copyfileobj(sys.stdin.buffer, sys.stdout.buffer)\n"
       "\" | zstd -q > \"$0\"; rm block",
       zip_.string()},
      root_);
  ExtractOptions options;
  options.limits.zstd_ratio_from = 64 << 20;
  options.limits.zstd_ratio = 1000;
  EXPECT_EQ(extract(options),
            "tar.zst: the files are more than 1000 times as large as the archive");
  EXPECT_TRUE(fs::is_empty(target_));
}

TEST_F(ArchiveTarHostile, TruncatedArchivesAreRefused) {
  python_tar("for i in range(20): file('f%d' % i, bytes([i]) * 3000)\nfile('end', b'x' * 9999)");
  const auto whole = read_all(zip_);
  for (std::size_t size = 4; size < whole.size(); ++size) {
    write_all(zip_, whole.substr(0, size));
    EXPECT_THAT(extract(), AllOf(StartsWith("tar.zst: "), EndsWith("it is truncated"))) << size;
    EXPECT_EQ(check(), "tar.zst: it is truncated") << size;
  }
}

TEST_F(ArchiveTarHostile, WholeArchivesAreTold) {
  for (const auto* zstd :
       {"zstd -q", "zstd -q --no-check", "zstd -q --no-content-size", "zstd -19 -q",
        "(head -c 700 | zstd -q; printf '\\120\\052\\115\\030\\003\\000\\000\\000abc'; zstd -q)"}) {
    python_tar("file('f', bytes(range(256)) * 900 + b'x' * 300000)", zstd);
    EXPECT_EQ(check(), "") << zstd;
    EXPECT_EQ(extract(), "") << zstd;
  }
  write_all(zip_, read_all(zip_) + "more bytes");
  EXPECT_EQ(check(), "tar.zst: something else follows the data");
  python_zip("z.writestr('a', 'x')");
  EXPECT_EQ(check(), "");
  write_all(zip_, read_all(zip_).substr(0, 60));
  EXPECT_EQ(check(), "zip: not a valid zip file");
}

TEST_F(ArchiveTarHostile, TheBrokenEntryIsNamed) {
  python_tar("file('good', b'1' * 100)\nfile('dir/bad', b'2' * 300000)\nfile('after', b'3')",
             "python3 -c \"import sys; b = sys.stdin.buffer.read(); "
             "sys.stdout.buffer.write(b[:200000])\" | zstd -q");
  EXPECT_EQ(extract(), "tar.zst: dir/bad: it is truncated");
  EXPECT_EQ(read_all(target_ / "good"), std::string(100, '1'));
  EXPECT_FALSE(fs::exists(target_ / "dir/bad"));
  python_tar("file('good', b'1' * 100)", "head -c 700 | zstd -q");
  EXPECT_EQ(extract(), "tar.zst: good: it is truncated");
  python_tar("file('good', b'1' * 512)", "(head -c 1024; echo; cat) | zstd -q");
  EXPECT_EQ(extract(), "tar.zst: good: something else follows it");
  python_tar("file('good')", "(cat; echo x) | zstd -q");
  EXPECT_THAT(extract(), AnyOf("tar.zst: something else follows the archive's end",
                               "tar.zst: it is truncated"));
  python_tar("file('good')", "(cat; head -c 9M /dev/zero) | zstd -q");
  EXPECT_EQ(extract(), "tar.zst: something else follows the archive's end");
  python_tar("file('good')", "(zstd -q; echo more)");
  EXPECT_EQ(extract(), "tar.zst: something else follows the data");
  python_tar("pass", "(cat > /dev/null; head -c 2000 /dev/urandom) | zstd -q");
  EXPECT_EQ(extract(), "tar.zst: not a tar archive");
  python_tar("file('f')", "zstd -q --ultra -22 --long=28 --no-check");
  EXPECT_THAT(extract(), AnyOf("", "tar.zst: it needs too much memory to be unpacked"));
  // Without an end, an archive of whole entries is one.
  python_tar("file('whole', b'x' * 512)", "head -c 1024 | zstd -q");
  EXPECT_EQ(extract(), "");
}

TEST_F(ArchiveTarHostile, NoBrokenByteGoesUnnoticed) {
  python_tar("file('a', b'some text, some more text' * 30)\nlink('l', 'a')\nentry('d', DIRTYPE)");
  const auto whole = read_all(zip_);
  ASSERT_EQ(extract(), "");
  const auto want = tree(target_);
  for (std::size_t at = 0; at < whole.size(); ++at) {
    clear_target();
    auto broken = whole;
    broken[at] = static_cast<char>(broken[at] ^ 0x41);
    write_all(zip_, broken);
    // Some bits mean nothing.
    if (extract().empty()) {
      EXPECT_EQ(tree(target_), want) << at;
    }
  }
}

TEST_F(ArchiveTarHostile, NoBrokenTarByteIsTooMuch) {
  python_tar("file('a', b'text')\nlink('l', 'a')\nentry('d', DIRTYPE)\nfile('p' * 150, b'x')");
  run({"sh", "-c", "zstd -dcq \"$0\" > plain", zip_.string()}, root_);
  const auto whole = read_all(root_ / "plain");
  fs::remove(root_ / "plain");
  for (std::size_t at = 0; at < whole.size(); at += 7) {
    clear_target();
    auto broken = whole;
    broken[at] = static_cast<char>(broken[at] ^ 0x93);
    std::string packed;
    const Sink keep = [&](std::string_view bytes) { packed += bytes; };
    ZstdFrame frame{{1}, keep};
    frame.add(broken);
    frame.finish();
    write_all(zip_, packed);
    // Whatever comes of it: no crash, nothing outside.
    const Fd fd{open(zip_.c_str(), O_RDONLY | O_CLOEXEC)};
    try {
      extract_tar_zstd(fd.get(), Root{target_});
    } catch (const ArchiveError&) {
    } catch (const std::system_error&) {
    }
  }
}

TEST_F(ArchiveTarHostile, AFullDiskIsSaid) {
  python_tar("file('large', b'0123456789' * 500000)");
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const auto ignored = signal(SIGXFSZ, SIG_IGN);
  const rlimit little{1 << 20, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &little);
  const auto error = extract();
  setrlimit(RLIMIT_FSIZE, &before);
  signal(SIGXFSZ, ignored);
  EXPECT_EQ(error, target_.string() + "/large: File too large");
  EXPECT_TRUE(fs::is_empty(target_));
}

TEST_F(ArchiveTarHostile, Case51TheFormatIsToldByTheFirstBytes) {
  write_all(zip_, std::string{"\x1F\x8B\x08\0\0\0\0\0", 8});
  EXPECT_EQ(extract(), "\"gzip\" format: unsupported archive format");
  for (const auto* other : {"", "P", "\x28\xB5\x2F", "BZh91AY", "ustar"}) {
    write_all(zip_, other);
    EXPECT_EQ(extract(), "zip: not a valid zip file");
  }
}

}  // namespace
}  // namespace slipway::helper::archive
