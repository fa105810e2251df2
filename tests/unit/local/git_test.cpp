#include <gmock/gmock.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "local/child_process.hpp"
#include "local/git_backend.hpp"
#include "local/repository.hpp"
#include "support.hpp"

namespace slipway::local {
namespace {

namespace fs = std::filesystem;

class GitTest : public CoordinatorTest {
 public:
  GitTest() {
    std::string name = (fs::temp_directory_path() / "slipway-git-XXXXXX").string();
    if (!::mkdtemp(name.data())) throw std::runtime_error{"mkdtemp"};
    root = name;
    fs::create_directories(root / "work" / "sub");
    std::ofstream{root / "work" / "Dockerfile"} << "FROM scratch\n";
    std::ofstream{root / "work" / ".gitignore"} << "*.log\n";
    std::ofstream{root / "work" / "build.log"} << "not this\n";
    std::ofstream{root / "work" / "sub" / "big"} << std::string(300'000, 'b');
    repository = snapshot(root / "work", root / "bare");
    gitlab.add_repository("demo/dind-tls", repository.bare);
  }
  ~GitTest() override { fs::remove_all(root); }

  /// Runs git beside the coordinator; returns its exit code.
  asio::awaitable<int> git(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "git");
    const Environment environment{"GIT_TERMINAL_PROMPT=0", "GIT_CONFIG_GLOBAL=/dev/null",
                                  "GIT_CONFIG_NOSYSTEM=1", "LC_ALL=C", "NO_PROXY=*"};
    ChildProcess process{io.get_executor(), arguments, environment};
    process.close_input();
    const int code = co_await process.wait(15s);
    errors = process.error_text();
    co_return code;
  }

  std::string url(const std::string& password) const {
    return "http://gitlab-ci-token:" + password + "@127.0.0.1:" + std::to_string(port) +
           "/demo/dind-tls.git";
  }

  JobBuilder job_with_sources() const {
    return JobBuilder{}.git("demo/dind-tls", repository.ref, repository.sha);
  }

  fs::path root;
  Repository repository;
  std::string errors;
};

TEST_F(GitTest, ASnapshotHoldsWhatIsNotIgnored) {
  EXPECT_EQ(repository.sha.size(), 40u);
  EXPECT_FALSE(fs::exists(root / "work" / ".git"));
  EXPECT_THROW(snapshot(root / "work", root / "bare"), GitError);
  EXPECT_THROW(snapshot(root / "nowhere", root / "other"), GitError);
  EXPECT_THROW(snapshot(root / "work", root / "other", "bad..name"), GitError);
}

TEST_F(GitTest, ARunningJobClonesAndFetchesItsPipeline) {
  run<GitTest>([](GitTest& t) -> asio::awaitable<void> {
    const auto id = co_await t.running_job(t.job_with_sources());
    const auto payload = json::parse(t.gitlab.job(id).payload);
    const auto url = payload.at("git_info").at("repo_url").get<std::string>();
    EXPECT_EQ(url, t.url(t.job_token(id)));
    const auto copy = (t.root / "copy").string();
    const auto fresh = (t.root / "fresh").string();
    const std::vector<std::vector<std::string>> commands{
        {"clone", "--quiet", url, copy},
        {"init", "--quiet", fresh},
        {"-C", fresh, "fetch", "--quiet", "--depth", "20", url,
         "+refs/pipelines/1:refs/pipelines/1", "+refs/heads/main:refs/remotes/origin/main"},
        {"-C", fresh, "checkout", "--quiet", t.repository.sha},
        {"-C", fresh, "-c", "protocol.version=0", "fetch", url, t.repository.sha},
    };
    for (const auto& command : commands) {
      const auto code = co_await t.git(command);
      EXPECT_EQ(code, 0) << command[0] << ": " << t.errors;
    }
    EXPECT_EQ(fs::file_size(t.root / "copy" / "sub" / "big"), 300'000u);
    EXPECT_EQ(fs::file_size(t.root / "fresh" / "sub" / "big"), 300'000u);
    EXPECT_FALSE(fs::exists(t.root / "copy" / "build.log"));
    EXPECT_GE(t.gitlab.count(Endpoint::git_upload_pack), 2u);
    std::vector<std::string> push{"-C", copy, "push", "--quiet", url, "main:other"};
    const auto pushed = co_await t.git(std::move(push));
    EXPECT_NE(pushed, 0);
  });
}

TEST_F(GitTest, OnlyARunningJobOfTheProjectMayFetch) {
  run<GitTest>([](GitTest& t) -> asio::awaitable<void> {
    const auto id = co_await t.running_job(t.job_with_sources());
    auto other_project = JobBuilder{}.git("demo/other", "main", "0");
    const auto foreign = co_await t.running_job(std::move(other_project));
    const auto waiting = t.gitlab.enqueue(t.job_with_sources());
    const std::vector<std::string> refused{"wrong", "", t.job_token(foreign), t.job_token(waiting)};
    for (const auto& token : refused) {
      std::vector<std::string> arguments{"ls-remote", t.url(token)};
      const auto code = co_await t.git(std::move(arguments));
      EXPECT_NE(code, 0) << token;
      EXPECT_THAT(t.errors, ::testing::HasSubstr("Authentication failed")) << token;
    }
    std::vector<std::string> arguments{"ls-remote", t.url(t.job_token(id))};
    const auto code = co_await t.git(arguments);
    EXPECT_EQ(code, 0) << t.errors;
    t.gitlab.cancel(id, false);
    const auto late = co_await t.git(arguments);
    EXPECT_NE(late, 0);
  });
}

TEST_F(GitTest, NothingButTheTwoRequestsIsServed) {
  run<GitTest>([](GitTest& t) -> asio::awaitable<void> {
    const auto id = co_await t.running_job(t.job_with_sources());
    const std::pair<const char*, const char*> cases[] = {
        {"GET", "/demo/dind-tls.git/info/refs"},
        {"GET", "/demo/dind-tls.git/info/refs?service=git-receive-pack"},
        {"GET", "/demo/dind-tls.git/info/refs?service=git-upload-pack;x"},
        {"POST", "/demo/dind-tls.git/git-receive-pack"},
        {"GET", "/demo/dind-tls.git/HEAD"},
        {"GET", "/demo/dind-tls.git/objects/info/packs"},
        {"GET", "/demo/../demo/dind-tls.git/info/refs?service=git-upload-pack"},
        {"GET", "/../bare/info/refs?service=git-upload-pack"},
        {"GET", "/%2e%2e/bare.git/info/refs?service=git-upload-pack"},
        {"GET", "//demo/dind-tls.git/info/refs?service=git-upload-pack"},
        {"GET", "/.git/info/refs?service=git-upload-pack"},
        {"GET", "/demo/dind-tls.git/../dind-tls.git/info/refs?service=git-upload-pack"},
    };
    for (const auto& [method, target] : cases) {
      const auto reply = co_await t.call(method, target);
      EXPECT_EQ(reply.status, 404) << target;
    }
    const auto unknown = co_await t.call("GET", "/demo/x.git/info/refs?service=git-upload-pack");
    EXPECT_EQ(unknown.status, 401);
    EXPECT_EQ(unknown.headers.get("WWW-Authenticate"), "Basic realm=\"GitLab\"");
    EXPECT_EQ(t.gitlab.unexpected_requests().size(), std::size(cases));
    EXPECT_EQ(t.gitlab.job(id).state, JobState::running);
  });
}

TEST_F(GitTest, AFetchMayBeCutOrRefused) {
  run<GitTest>([](GitTest& t) -> asio::awaitable<void> {
    const auto id = co_await t.running_job(t.job_with_sources());
    const auto url = t.url(t.job_token(id));
    const auto clone = [](GitTest& test, std::string from, const char* name) {
      std::vector<std::string> arguments{"clone", "--quiet", std::move(from),
                                         (test.root / name).string()};
      return test.git(std::move(arguments));
    };
    t.gitlab.faults().drop_next(Endpoint::git_upload_pack, FaultPoint::mid_body);
    const auto cut = co_await clone(t, url, "cut");
    EXPECT_NE(cut, 0);
    t.gitlab.faults().fail_next(Endpoint::git_refs, 500);
    const auto refused = co_await clone(t, url, "refused");
    EXPECT_NE(refused, 0);
    const auto whole = co_await clone(t, url, "whole");
    EXPECT_EQ(whole, 0) << t.errors;
    EXPECT_EQ(t.gitlab.faults().pending(), 0u);
  });
}

TEST_F(GitTest, ProjectPathsMustBePlain) {
  for (const auto* path :
       {"", "/demo", "demo/", "a//b", "..", "a/../b", "a b", "a\\b", "a%2e", "."})
    EXPECT_THROW(gitlab.add_repository(path, root / "bare"), std::invalid_argument) << path;
}

TEST(BasicCredentials, AreDecoded) {
  const auto good = parse_basic("Basic Z2l0bGFiLWNpLXRva2VuOmdsY2J0LTY0X3g=");
  ASSERT_TRUE(good);
  EXPECT_EQ(good->user, "gitlab-ci-token");
  EXPECT_EQ(good->password, "glcbt-64_x");
  EXPECT_TRUE(parse_basic("bAsIc Og=="));
  for (const auto* bad : {"", "Basic", "Basic !!!!", "Bearer Og==", "Basic Z2l0"})
    EXPECT_FALSE(parse_basic(bad)) << bad;
}

}  // namespace
}  // namespace slipway::local
