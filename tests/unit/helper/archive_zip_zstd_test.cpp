#include <gmock/gmock.h>
#include <sys/stat.h>

#include "archive_fixture.hpp"
#include "helper/archive/zstd.hpp"

namespace slipway::helper::archive {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class ArchiveZipZstd : public ArchiveTest {
 protected:
  ArchiveContents zip_by_zstd(CompressionLevel level = CompressionLevel::normal,
                              unsigned threads = 0) const {
    PackOptions options;
    options.zip_packing = ZipPacking::zstd;
    options.level = level;
    options.threads = threads;
    return zip({"."}, options);
  }
  // An archive of entries that zstd's own program has packed: add(name, data, zstd's options, and
  // what the archive says of size, packed size and sum, where that is not the truth).
  void python_zstd_zip(const std::string& statements) const {
    run({"python3", "-c",
         "import struct, subprocess, sys, zlib\n"
         "out = b''; directory = b''; n = 0\n"
         "def add(name, data, *options, size=None, crc=None, packed=None, mode=0o100644):\n"
         "  global out, directory, n\n"
         "  if packed is None: packed = subprocess.run(['zstd', '-qc', *options], input=data,\n"
         "                                             stdout=subprocess.PIPE, check=True).stdout\n"
         "  h = struct.pack('<HHHIIIIHH', 63, 0, 93, 0x50000000,\n"
         "                  zlib.crc32(data) if crc is None else crc, len(packed),\n"
         "                  len(data) if size is None else size, len(name), 0)\n"
         "  directory += (struct.pack('<IH', 0x02014b50, 0x031e) + h +\n"
         "                struct.pack('<HHHII', 0, 0, 0, mode << 16, len(out)) + name.encode())\n"
         "  out += struct.pack('<I', 0x04034b50) + h + name.encode() + packed\n"
         "  n += 1\n" +
             statements +
             "\nend = struct.pack('<IHHHHIIH', 0x06054b50, 0, 0, n, n, len(directory), len(out), "
             "0)\n"
             "open(sys.argv[1], 'wb').write(out + directory + end)\n",
         zip_.string()},
        root_);
  }
};

TEST_F(ArchiveZipZstd, Case64ComesBackAsItWas) {
  make_nasty_tree(true);
  write("huge.log", prose(5'500'000));
  write("huge.bin", noise(4'500'000));
  set_times();
  unsigned threads = 0;
  for (const auto* level : {"fastest", "fast", "default", "slow", "slowest"}) {
    SCOPED_TRACE(level);
    const auto contents = zip_by_zstd(*compression_level(level), threads++);
    EXPECT_EQ(contents.packed, fs::file_size(zip_));
    EXPECT_LT(contents.packed, contents.size);
    ASSERT_EQ(extract(), "");
    EXPECT_EQ(tree(target_), tree(project_));
  }
}

// No other program at hand reads this method; the entries are what zstd's own reads.
TEST_F(ArchiveZipZstd, EntriesAreFramesOfZstd) {
  make_nasty_tree(false);
  write("huge.log", prose(5'500'000));
  zip_by_zstd();
  EXPECT_EQ(run({"python3", "-c",
                 "import os, struct, subprocess, sys, zipfile\n"
                 "z = zipfile.ZipFile(sys.argv[1]); f = open(sys.argv[1], 'rb'); methods = {}\n"
                 "for i in z.infolist():\n"
                 "  f.seek(i.header_offset); h = struct.unpack('<IHHHIIIIHH', f.read(30))\n"
                 "  assert h[3] == i.compress_type and h[1] == (63 if h[3] == 93 else 20)\n"
                 "  f.seek(h[8] + h[9], 1); data = f.read(i.compress_size)\n"
                 "  methods[i.compress_type] = methods.get(i.compress_type, 0) + 1\n"
                 "  p = os.path.join(sys.argv[2], i.filename)\n"
                 "  if i.compress_type == 93:\n"
                 "    assert data.count(b'\\x28\\xb5\\x2f\\xfd') == 1\n"
                 "    data = subprocess.run(['zstd', '-qdc'], input=data, check=True,\n"
                 "                          stdout=subprocess.PIPE).stdout\n"
                 "  if not i.is_dir() and not os.path.islink(p):\n"
                 "    assert data == open(p, 'rb').read() and zipfile.crc32(data) == i.CRC, p\n"
                 "print(sorted(methods) == [0, 93])\n",
                 zip_.string(), project_.string()},
                root_),
            "True\n");
}

TEST_F(ArchiveZipZstd, IsSmallerThanDeflated) {
  for (int i = 0; i < 10; ++i) write("f" + std::to_string(i), prose(500'000, i));
  const auto by_zstd = zip_by_zstd().packed;
  EXPECT_LT(by_zstd, zip().packed);
}

TEST_F(ArchiveZipZstd, OfOthersIsRead) {
  python_zstd_zip(
      "small = b'some text\\n' * 99; large = b'0123456789abcde\\n' * 200000\n"
      "add('small', small)\nadd('d/large', large)\nadd('empty', b'')\n"
      "add('window', large, '-19', '--long=26')\nadd('no sum', large, '--no-check', '-1')\n"
      "add('stream', large, '--no-content-size')\n"
      "two = subprocess.run(['zstd', '-qc'], input=large[:1000000], "
      "stdout=subprocess.PIPE).stdout\n"
      "two += subprocess.run(['zstd', '-qc'], input=large[1000000:], "
      "stdout=subprocess.PIPE).stdout\n"
      "add('two frames', large, packed=two)\nadd('ln', b'small', mode=0o120777)");
  ASSERT_EQ(extract(), "");
  EXPECT_EQ(read_all(target_ / "small").size(), 990u);
  const auto large = read_all(target_ / "d/large");
  EXPECT_EQ(large.size(), 3'200'000u);
  for (const auto* name : {"window", "no sum", "stream", "two frames"})
    EXPECT_EQ(read_all(target_ / name), large) << name;
  EXPECT_EQ(read_all(target_ / "empty"), "");
  EXPECT_EQ(fs::read_symlink(target_ / "ln"), "small");
}

TEST_F(ArchiveZipZstd, WhatIsFalseIsNamed) {
  struct Case {
    const char* statement;
    const char* want;
  };
  const Case cases[] = {
      {"add('a', small, size=989)", "zip: a: its data is broken"},
      {"add('a', small, size=991)", "zip: a: its data is broken"},
      {"add('a', small, crc=1)", "zip: a: checksum error"},
      {"add('a', small, packed=b'nonsense')", "zip: a: its data is broken"},
      {"add('a', large, size=3199999)", "zip: a: it is larger than the archive says"},
      {"add('a', large, size=3200001)", "zip: a: its size is not what the archive says"},
      {"add('a', large, crc=1)", "zip: a: checksum error"},
      {"add('a', large, packed=b'nonsense')", "zip: a: something else follows the data"},
      {"add('a', large, packed=zstd(large)[:-1])", "zip: a: it is truncated"},
      {"add('a', large, packed=zstd(large)[:-4] + b'abcd')", "zip: a: checksum error"},
      {"add('a', large, packed=zstd(large) + b'more')", "zip: a: something else follows the data"},
      // A window of 2^41 bytes.
      {"add('a', large, packed=zstd(large)[:4] + b'\\x00\\xf8' + b'x' * 50)",
       "zip: a: it needs too much memory to be unpacked"},
  };
  for (const auto& c : cases) {
    python_zstd_zip(
        "small = b'some text\\n' * 99; large = b'0123456789abcde\\n' * 200000\n"
        "def zstd(data): return subprocess.run(['zstd', '-qc'], input=data,\n"
        "                                      stdout=subprocess.PIPE).stdout\n" +
        std::string{c.statement});
    EXPECT_EQ(extract(), c.want) << c.statement;
    EXPECT_TRUE(fs::is_empty(target_)) << c.statement;
  }
}

TEST_F(ArchiveZipZstd, ABombIsDefused) {
  write("zeros", std::string(46 << 16, '\0'));
  write("bomb", std::string(3'000'000, 'x'));
  zip_by_zstd();
  ExtractOptions options;
  options.limits.ratio_from = 1'000'000;
  options.limits.ratio = 10;
  EXPECT_EQ(extract(options), "");
  struct stat status {};
  ASSERT_EQ(stat((target_ / "zeros").c_str(), &status), 0);
  EXPECT_EQ(status.st_blocks, 0);
  options.limits.zstd_ratio_from = 1'000'000;
  options.limits.zstd_ratio = 10;
  EXPECT_EQ(extract(options), "zip: the files are more than 10 times as large as the archive");
}

}  // namespace
}  // namespace slipway::helper::archive
