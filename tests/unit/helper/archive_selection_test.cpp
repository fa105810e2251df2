#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive_fixture.hpp"

namespace slipway::helper::archive {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using List = std::vector<std::string>;

class ArchiveSelection : public ArchiveTest {
 protected:
  List notes(const SelectionRequest& request) const {
    List texts;
    for (const auto& note : select_files(project_, request).notes)
      texts.push_back((note.level == Note::Level::warning ? "WARNING: " : "") + note.text);
    return texts;
  }
  std::string nothing(const std::string& path) const {
    return "WARNING: " + path +
           ": no matching files. Ensure that the artifact path is relative to the working "
           "directory "
           "(" +
           project_.string() + ")";
  }
};

TEST_F(ArchiveSelection, OfPathsAndGlobs) {
  for (const auto* path :
       {"a/x.txt", "a/b/y.txt", "a/.c/z.txt", "top.txt", ".env", "e{f", "a/b/n.o"})
    write(path, "");
  struct Case {
    List paths;
    List want;
  };
  const Case cases[] = {
      {{"a/b"}, {"a/b", "a/b/n.o", "a/b/y.txt"}},
      {{"./a//b/"}, {"a/b", "a/b/n.o", "a/b/y.txt"}},
      {{"*.txt"}, {"top.txt"}},
      {{"a/**/*.txt"}, {"a/.c/z.txt", "a/b/y.txt", "a/x.txt"}},
      {{"a/**.txt"}, {"a/x.txt"}},
      {{"**/*.{o,txt}"}, {"a/.c/z.txt", "a/b/n.o", "a/b/y.txt", "a/x.txt", "top.txt"}},
      {{"a/{b/y,x}.txt"}, {"a/b/y.txt", "a/x.txt"}},
      {{".*"}, {".env"}},
      {{"e\\{f"}, {"e{f"}},
      {{project_.string() + "/a/x.txt"}, {"a/x.txt"}},
      {{"*/b", "top.txt", "a/b/n.o"}, {"a/b", "a/b/n.o", "a/b/y.txt", "top.txt"}},
      {{project_.string()},
       {".env", "a", "a/.c", "a/.c/z.txt", "a/b", "a/b/n.o", "a/b/y.txt", "a/x.txt", "e{f",
        "top.txt"}},
      {{"nothing", "a/x.txt/y"}, {}},
  };
  for (const auto& c : cases) {
    SelectionRequest request;
    request.paths = c.paths;
    EXPECT_EQ(select(request), c.want) << c.paths[0];
  }
}

TEST_F(ArchiveSelection, E56SaysWhatEachPathFound) {
  write("d/a", "");
  write("d/e/b", "");
  SelectionRequest request;
  request.paths = {"d", "d/a", "nothing/*", "", "../x", "/etc/passwd", "[", "d/**"};
  EXPECT_THAT(notes(request),
              ElementsAre("d: found 4 matching artifact files and directories",
                          "d/a: found 1 matching artifact files and directories",
                          nothing("nothing/*"), "WARNING: No matching files. Path is empty.",
                          "WARNING: processPath: artifact path is not a subpath of project "
                          "directory: ../x",
                          "WARNING: processPath: artifact path is not a subpath of project "
                          "directory: /etc/passwd",
                          "WARNING: [: syntax error in pattern",
                          // Each of the four matches counts what is below it.
                          "d/**: found 8 matching artifact files and directories"));
}

TEST_F(ArchiveSelection, E58ExcludesFilesNotWhatIsBelowThem) {
  write("dir/file", "");
  write("dir/sub/x.o", "");
  SelectionRequest request;
  request.paths = {"dir"};
  request.exclude = {"dir"};
  EXPECT_THAT(select(request), ElementsAre("dir/file", "dir/sub", "dir/sub/x.o"));
  EXPECT_THAT(notes(request), ElementsAre("dir: found 3 matching artifact files and directories",
                                          "dir: excluded 1 files"));
  request.exclude = {"dir/**"};
  EXPECT_THAT(select(request), IsEmpty());
  EXPECT_THAT(notes(request), ElementsAre(nothing("dir"), "dir/**: excluded 4 files"));
  request.exclude = {"**/*.{o,a}", "nothing"};
  EXPECT_THAT(select(request), ElementsAre("dir", "dir/file", "dir/sub"));
}

TEST_F(ArchiveSelection, TakesUntrackedFilesAsGitListsThem) {
  write("new\nline", "");
  write("\xFF\xFE", "");
  write("kept", "");
  using namespace std::string_literals;
  const auto list = "new\nline\0\xFF\xFE\0gone\0../out\0kept\0"s;
  SelectionRequest request;
  request.untracked = true;
  request.untracked_list = list;
  request.exclude = {"ke*"};
  EXPECT_THAT(select(request), ElementsAre("new\nline", "\xFF\xFE"));
  EXPECT_THAT(notes(request), ElementsAre("WARNING: ../out: not supported: outside build directory",
                                          "untracked: found 2 files", "ke*: excluded 1 files"));
  request.untracked_list = "";
  EXPECT_THAT(notes(request), ElementsAre("WARNING: untracked: no files"));
}

TEST_F(ArchiveSelection, E65TakesLinksAsLinks) {
  write("real/f", "");
  link("in", "real");
  link("broken", "nowhere");
  link("out", "/etc");
  link("up", "..");
  link("absolute", project_.string() + "/real");
  SelectionRequest request;
  request.paths = {"**"};
  EXPECT_THAT(select(request),
              ElementsAre("absolute", "broken", "in", "out", "real", "real/f", "up"));
  request.paths = {"in", "out"};
  EXPECT_THAT(select(request), ElementsAre("in", "out"));
  // Before the first wildcard a link is followed, while it stays inside.
  request.paths = {"in/*", "absolute/f"};
  EXPECT_THAT(select(request), ElementsAre("absolute/f", "in/f"));
  request.paths = {"in/**"};
  EXPECT_THAT(select(request), ElementsAre("in/f"));
  request.paths = {"*/f"};
  EXPECT_THAT(select(request), ElementsAre("real/f"));
  request.paths = {"out/passwd", "out/*", "up/**"};
  EXPECT_THAT(select(request), IsEmpty());
  EXPECT_THAT(notes(request),
              Contains("WARNING: out/passwd: not supported: outside build directory"));
}

TEST_F(ArchiveSelection, GoesAsDeepAsTheDirectoriesDo) {
  std::string deep;
  const std::string name(200, 'd');
  Fd at{open(project_.c_str(), O_PATH | O_DIRECTORY)};
  for (int i = 0; i < 60; ++i) {
    ASSERT_EQ(mkdirat(at.get(), name.c_str(), 0755), 0);
    at = Fd{openat(at.get(), name.c_str(), O_PATH | O_DIRECTORY)};
    deep += (deep.empty() ? "" : "/") + name;
  }
  SelectionRequest request;
  request.paths = {"**"};
  const auto found = select(request);
  ASSERT_EQ(found.size(), 60u);
  EXPECT_EQ(found.back(), deep);
  EXPECT_GT(deep.size(), 12'000u);
  zip();
  EXPECT_EQ(extract(), "");
  EXPECT_TRUE(Root{target_}.open(deep, O_PATH | O_DIRECTORY));
}

}  // namespace
}  // namespace slipway::helper::archive
