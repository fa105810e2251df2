#include "exec_repository.hpp"
#include "local/exec/projects.hpp"
#include "local/exec/tree_files.hpp"
#include "local/exec/work_tree.hpp"

namespace slipway::local::exec {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Optional;

TEST(ExecProjectPath, FromARemote) {
  for (const auto& [url, path] : std::vector<std::pair<std::string, std::string>>{
           {"git@gitlab.example.org:group/sub/name.git", "group/sub/name"},
           {"https://gitlab.example.org/group/name", "group/name"},
           {"https://user:secret@gitlab.example.org:8443/group/name.git/", "group/name"},
           {"ssh://git@gitlab.example.org:2222/group/name.git", "group/name"},
           {"/srv/git/group/name.git", "group/name"},
           {"file:///srv/git/group/name.git", "group/name"},
           {"../name", "name"},
           {"git@host:group/na me;$(x).git", "group/na-me---x-"},
           {"", ""}})
    EXPECT_EQ(project_path_of(url), path) << url;
}

TEST(ExecProjects, BesideTheOrigin) {
  EXPECT_EQ(sibling_url("git@host:group/name.git", "a/b"), "git@host:a/b.git");
  EXPECT_EQ(sibling_url("https://host:8443/group/name", "a/b"), "https://host:8443/a/b");
  EXPECT_EQ(sibling_url("/srv/group/name.git", "a/b"), "/srv/a/b.git");
  EXPECT_EQ(sibling_url("", "a/b"), "");
  EXPECT_EQ(host_of("git@host:group/name.git"), "host");
  EXPECT_EQ(host_of("https://user@host:8443/group/name"), "host:8443");
  EXPECT_EQ(host_of("/srv/x"), "");
}

TEST(ExecProjects, NewestVersion) {
  const std::vector<std::string> tags{"1.0.0", "v1.2.0", "1.10.0", "2.0.0-rc1", "0.9", "x"};
  EXPECT_EQ(newest_version(tags, "~latest"), "1.10.0");
  EXPECT_EQ(newest_version(tags, "1"), "1.10.0");
  EXPECT_EQ(newest_version(tags, "1.2"), "v1.2.0");
  EXPECT_EQ(newest_version(tags, "3"), "");
  EXPECT_EQ(newest_version(tags, "1.0.0"), "");
  EXPECT_EQ(newest_version(tags, "main"), "");
}

class ExecWorkTree : public RepositoryTest {
 protected:
  TreeFiles files(const WorkTree& tree, bool committed = false) const {
    TreeFiles::Options options;
    options.committed = committed;
    options.cache = state / "projects";
    return {tree, options};
  }
};

TEST_F(ExecWorkTree, Facts) {
  init();
  git().run({"remote", "add", "origin", "git@gitlab.example.org:group/name.git"});
  write("a", "1");
  const auto sha = commit("A title\n\nA body");
  std::filesystem::create_directories(root / "deep" / "down");
  const auto facts = WorkTree::find(root / "deep" / "down").facts();
  EXPECT_EQ(facts.project_path, "group/name");
  EXPECT_EQ(facts.sha, sha);
  EXPECT_EQ(facts.ref, "main");
  EXPECT_EQ(facts.default_branch, "main");
  EXPECT_EQ(facts.commit_message, "A title\n\nA body");
  EXPECT_EQ(facts.commit_author, "Ann Author <ann@example.org>");
  EXPECT_EQ(facts.user_name, "Ann Author");
  EXPECT_EQ(facts.user_email, "ann@example.org");
  EXPECT_FALSE(facts.is_tag);
}

TEST_F(ExecWorkTree, WithoutCommitsOriginOrGit) {
  auto tree = WorkTree::find(root);
  EXPECT_FALSE(tree.has_git());
  EXPECT_EQ(tree.facts().project_path, "local/work");
  init();
  tree = WorkTree::find(root);
  EXPECT_TRUE(tree.has_git());
  EXPECT_FALSE(tree.has_commits());
  EXPECT_EQ(tree.facts().ref, "main");
  EXPECT_EQ(tree.facts().sha, std::string(40, '0'));
  EXPECT_EQ(tree.base(), "");
}

TEST_F(ExecWorkTree, TagAndDetachedHead) {
  init();
  const auto first = commit();
  git().run({"tag", "v1"});
  commit();
  git().run({"checkout", "--quiet", "--detach", first});
  auto facts = WorkTree::find(root).facts();
  EXPECT_TRUE(facts.is_tag);
  EXPECT_EQ(facts.ref, "v1");
  git().run({"tag", "-d", "v1"});
  facts = WorkTree::find(root).facts();
  EXPECT_FALSE(facts.is_tag);
  EXPECT_EQ(facts.ref, "detached-" + first.substr(0, 8));
  EXPECT_EQ(facts.default_branch, "main");
}

TEST_F(ExecWorkTree, BareRepositoryIsRefused) {
  git().run({"init", "--quiet", "--bare"});
  EXPECT_THROW(WorkTree::find(root), GitError);
}

TEST_F(ExecWorkTree, BaseIsWhereTheBranchLeft) {
  init();
  const auto first = commit();
  const auto second = commit();
  EXPECT_EQ(WorkTree::find(root).base(), first);
  git().run({"checkout", "--quiet", "-b", "side"});
  commit();
  commit();
  EXPECT_EQ(WorkTree::find(root).base(), second);
}

TEST_F(ExecWorkTree, FilesOfTheWorkTree) {
  init();
  write(".gitignore", "ignored\n");
  write("b", "1");
  write("gone", "1");
  commit();
  write("a", "2");
  write("b", "3");
  write("ignored", "4");
  std::filesystem::remove(root / "gone");
  const auto tree = WorkTree::find(root);
  auto now = files(tree);
  EXPECT_THAT(now.list({}), ElementsAre(".gitignore", "a", "b"));
  EXPECT_THAT(now.read({}, "b"), Optional(std::string{"3"}));
  EXPECT_FALSE(now.read({}, "gone"));
  EXPECT_FALSE(now.read({}, "nowhere/x"));
  EXPECT_FALSE(now.read({}, "."));
  auto head = files(tree, true);
  EXPECT_THAT(head.list({}), ElementsAre(".gitignore", "b", "gone"));
  EXPECT_THAT(head.read({}, "b"), Optional(std::string{"1"}));
  EXPECT_FALSE(head.read({}, "a"));
}

TEST_F(ExecWorkTree, NothingOutsideIsRead) {
  init();
  std::ofstream{base / "secret"} << "x";
  std::filesystem::create_symlink(base / "secret", root / "link");
  write("inside", "y");
  std::filesystem::create_symlink("inside", root / "good");
  const auto tree = WorkTree::find(root);
  auto now = files(tree);
  EXPECT_THROW(now.read({}, "../secret"), ci::SourceError);
  EXPECT_THROW(now.read({}, "link"), ci::SourceError);
  EXPECT_THAT(now.read({}, "good"), Optional(std::string{"y"}));
}

TEST_F(ExecWorkTree, ChangedFiles) {
  init();
  write("kept", "1");
  write("changed", "1");
  commit();
  git().run({"checkout", "--quiet", "-b", "side"});
  write("committed", "1");
  commit();
  write("changed", "2");
  write("untracked", "1");
  const auto tree = WorkTree::find(root);
  TreeHistory history{tree, false};
  EXPECT_THAT(history.changed_files(std::nullopt),
              Optional(ElementsAre("changed", "committed", "untracked")));
  EXPECT_THAT(history.changed_files("main"),
              Optional(ElementsAre("changed", "committed", "untracked")));
  EXPECT_THAT(history.changed_files("refs/heads/side"),
              Optional(ElementsAre("changed", "untracked")));
  EXPECT_THROW(history.changed_files("nowhere"), ci::SourceError);
  EXPECT_THROW(history.changed_files("--output=x"), ci::SourceError);
  TreeHistory head{tree, true};
  EXPECT_THAT(head.changed_files(std::nullopt), Optional(ElementsAre("committed")));
  EXPECT_TRUE(history.last_commit_of("changed"));
  EXPECT_FALSE(history.last_commit_of("untracked"));
}

TEST_F(ExecWorkTree, OtherProjectsFromALocalRemote) {
  const auto server = base / "server";
  const auto own = root;
  root = server / "group" / "lib";
  std::filesystem::create_directories(root);
  init();
  write("ci.yml", "first");
  write("templates/lint.yml", "component");
  commit();
  git().run({"tag", "1.0.0"});
  write("ci.yml", "second");
  commit();
  git().run({"tag", "1.1.0"});
  git().run({"checkout", "--quiet", "-b", "side"});
  write("ci.yml", "third");
  commit();
  git().run({"checkout", "--quiet", "main"});
  root = own;
  init();
  git().run({"remote", "add", "origin", (server / "group" / "app").string()});
  const auto tree = WorkTree::find(root);
  auto now = files(tree);
  const auto read = [&](const std::string& ref) {
    return now.read(now.open_project("group/lib", ref), "ci.yml").value_or("");
  };
  EXPECT_EQ(read(""), "second");
  EXPECT_EQ(read("side"), "third");
  EXPECT_EQ(read("1.0.0"), "first");
  EXPECT_THAT(now.list(now.open_project("group/lib", "")),
              ElementsAre("ci.yml", "templates/lint.yml"));
  EXPECT_THROW(read("nowhere"), ci::SourceError);
  EXPECT_THROW(now.open_project("group/none", ""), ci::SourceError);
  const auto component = now.open_component("@SERVER_AUTHORITY@/group/lib/lint@1");
  EXPECT_EQ(component.name, "lint");
  EXPECT_THAT(now.read(component.origin, "templates/lint.yml"), Optional(std::string{"component"}));
  EXPECT_THAT(now.read(component.origin, "ci.yml"), Optional(std::string{"second"}));
}

TEST_F(ExecWorkTree, WithoutOriginOrTemplates) {
  init();
  const auto tree = WorkTree::find(root);
  auto now = files(tree);
  const auto error = [](auto call) -> std::string {
    try {
      call();
    } catch (const ci::SourceError& problem) {
      return problem.what();
    }
    return {};
  };
  EXPECT_THAT(error([&] { now.open_project("a/b", ""); }), HasSubstr("remote `origin`"));
  EXPECT_THAT(error([&] { now.open_component("$X/a/b/c@1"); }), HasSubstr("network is needed"));
  EXPECT_THAT(error([&] { now.read_template("x.yml"); }), HasSubstr("no directory of templates"));
  EXPECT_THAT(error([&] { now.fetch("http://127.0.0.1:1/x.yml"); }),
              HasSubstr("network is needed"));
  TreeFiles::Options options;
  options.template_dir = base / "templates";
  std::filesystem::create_directories(options.template_dir);
  std::ofstream{options.template_dir / "x.yml"} << "x";
  TreeFiles with{tree, options};
  EXPECT_EQ(with.read_template("x.yml"), "x");
  EXPECT_THAT(error([&] { with.read_template("../x.yml"); }), HasSubstr("outside"));
  EXPECT_THAT(error([&] { with.read_template("y.yml"); }), HasSubstr("no 'y.yml'"));
}

}  // namespace
}  // namespace slipway::local::exec
