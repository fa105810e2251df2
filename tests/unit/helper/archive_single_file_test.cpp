#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>

#include "archive_fixture.hpp"
#include "helper/archive/archive_error.hpp"
#include "helper/archive/deflate.hpp"
#include "helper/archive/single_file.hpp"

namespace slipway::helper::archive {
namespace {

class ArchiveSingleFile : public ArchiveTest {
 protected:
  // The archive's bytes, or the error's text.
  std::string make(const std::vector<std::string>& paths, bool gzip,
                   PackOptions options = {}) const {
    PathList files;
    for (const auto& path : paths) files.add(path);
    std::string bytes;
    const Sink sink = [&](std::string_view more) { bytes += more; };
    try {
      if (gzip)
        write_gzip(Root{project_}, files, options, sink);
      else
        write_raw(Root{project_}, files, sink);
    } catch (const ArchiveError& error) {
      return error.what();
    }
    return bytes;
  }
  std::string unpacked(const std::string& bytes) const {
    write_all(root_ / "a.gz", bytes);
    return run({"gzip", "-dc", (root_ / "a.gz").string()}, root_);
  }
};

TEST_F(ArchiveSingleFile, E66GzipHasAMemberPerFile) {
  write("reports/junit.xml", "<xml/>");
  write("a b", words(3'000'000));
  write("empty", "");
  const auto bytes = make({"a b", "empty", "reports/junit.xml"}, true);
  EXPECT_EQ(unpacked(bytes), words(3'000'000) + "<xml/>");
  using namespace std::string_literals;
  EXPECT_EQ(bytes.substr(0, 4), "\x1F\x8B\x08\x18");
  EXPECT_EQ(bytes.substr(10, 8), "a b\0a b\0"s);
  EXPECT_NE(bytes.find("\x03junit.xml\0reports/junit.xml\0"s), std::string::npos);
  EXPECT_EQ(run({"python3", "-c", "import gzip, sys; print(len(gzip.open(sys.argv[1]).read()))",
                 (root_ / "a.gz").string()},
                root_),
            "3000006\n");
}

TEST_F(ArchiveSingleFile, GzipTellsTheTime) {
  write("f", "1");
  const timespec times[2] = {{0x5F000001, 0}, {0x5F000001, 0}};
  utimensat(AT_FDCWD, (project_ / "f").c_str(), times, 0);
  EXPECT_EQ(make({"f"}, true).substr(4, 4), std::string("\x01\x00\x00\x5F", 4));
}

TEST_F(ArchiveSingleFile, GzipEncodesNames) {
  using namespace std::string_literals;
  for (const auto& [name, want] : {std::pair{"ä b"s, "e:%C3%A4%20b"s},
                                   {"50%"s, "e:50%25"s},
                                   {"\xFF"s, "e:%FF"s},
                                   {"plain"s, "plain"s}}) {
    write("d/" + name, "1");
    const auto path = want == "plain" ? "d/plain"s : "e:d/" + want.substr(2);
    EXPECT_EQ(make({"d/" + name}, true).substr(10, want.size() + path.size() + 2),
              want + '\0' + path + '\0');
  }
}

TEST_F(ArchiveSingleFile, GzipPacksAtEveryLevel) {
  const auto text = words(2'500'000) + noise(1'200'000);
  write("f", text);
  for (const auto* level : {"fastest", "fast", "default", "slow", "slowest"}) {
    PackOptions options;
    options.level = *compression_level(level);
    const auto bytes = make({"f"}, true, options);
    EXPECT_LT(bytes.size(), 1'900'000u) << level;
    EXPECT_EQ(unpacked(bytes), text) << level;
  }
}

TEST_F(ArchiveSingleFile, GzipTakesRegularFilesOnly) {
  std::filesystem::create_directory(project_ / "d");
  link("l", "/etc/passwd");
  EXPECT_EQ(make({"d"}, true), "the \"d\" is not a regular file");
  EXPECT_EQ(make({"l"}, true), "the \"l\" is not a regular file");
  EXPECT_EQ(make({"none"}, true), "none: it is gone");
}

TEST_F(ArchiveSingleFile, E66RawIsOneFile) {
  write("f", noise(2'500'000));
  write("g", "");
  EXPECT_EQ(make({"f"}, false), noise(2'500'000));
  EXPECT_EQ(make({"g"}, false), "");
  EXPECT_EQ(make({"f", "g"}, false), "only one file can be sent as raw");
  EXPECT_EQ(make({}, false), "only one file can be sent as raw");
  std::filesystem::create_directory(project_ / "d");
  EXPECT_EQ(make({"d"}, false), "the \"d\" is not a regular file");
}

TEST(ArchiveDeflate, PiecesMakeOneStream) {
  // Whatever the last block of a piece is, and at whatever bit it ends.
  std::string text;
  std::string packed;
  std::uint32_t sum = 0;
  for (unsigned i = 0; i < 400; ++i) {
    const auto part = i % 3 == 0   ? words(i * 37)
                      : i % 3 == 1 ? noise(i * 5, i)
                                   : std::string(i * 1000, static_cast<char>(i % 2));
    const auto piece = pack_piece(part, 1 + static_cast<int>(i % 9));
    sum = crc32_of_both(sum, piece.crc, piece.size);
    EXPECT_EQ(piece.size, part.size());
    text += part;
    packed += piece.data;
  }
  packed += deflate_end;
  std::string bytes(text.size(), '\0');
  EXPECT_TRUE(inflate_whole(packed, bytes.data(), bytes.size()));
  EXPECT_EQ(bytes, text);
  EXPECT_EQ(sum, crc32(text));
  EXPECT_FALSE(inflate_whole(packed, bytes.data(), bytes.size() - 1));
  EXPECT_FALSE(inflate_whole(packed + "x", bytes.data(), bytes.size()));
}

TEST(ArchiveDeflate, StoresWhatDoesNotPack) {
  for (const std::size_t size : {0u, 1u, 100u, 60'000u, 1'000'000u}) {
    const auto packed = pack_whole(noise(size), 5);
    EXPECT_FALSE(packed.smaller);
    EXPECT_EQ(packed.data, noise(size));
  }
  EXPECT_TRUE(pack_whole(words(1000), 5).smaller);
  EXPECT_FALSE(pack_whole(words(1000), 0).smaller);
  EXPECT_TRUE(pack_whole(noise(50'000) + words(50'000), 5).smaller);
}

}  // namespace
}  // namespace slipway::helper::archive
