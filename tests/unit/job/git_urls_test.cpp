#include "job/git_urls.hpp"

#include <gmock/gmock.h>

namespace slipway::job {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

/// What a coordinator gives that serves git on its own host.
GitUrlInput usual() {
  GitUrlInput input;
  input.repo_url = "https://gitlab-ci-token:tok@git.example/group/app.git";
  input.runner_url = "https://git.example/";
  input.project_path = "group/app";
  input.token = "tok";
  return input;
}

TEST(GitUrls, OfAUsualJob) {
  const auto urls = git_urls(usual());
  EXPECT_EQ(urls.remote, "https://git.example/group/app.git");
  // A host without the slash would stand for git.example.evil.net as well.
  EXPECT_THAT(urls.rules, ElementsAre(Pair("https://gitlab-ci-token:tok@git.example/group/app.git",
                                           "https://git.example/group/app.git"),
                                      Pair("https://gitlab-ci-token:tok@git.example/",
                                           "https://git.example/")));
  EXPECT_THAT(urls.origins, ElementsAre("https://git.example"));
  EXPECT_THAT(urls.tls_origins, ElementsAre("https://git.example"));
}

TEST(GitUrls, OfAServerBelowAPathWithGitElsewhere) {
  auto input = usual();
  input.runner_url = "http://10.0.0.1:8080/gitlab//";
  const auto urls = git_urls(input);
  EXPECT_THAT(
      urls.rules,
      ElementsAre(
          Pair("https://gitlab-ci-token:tok@git.example/group/app.git",
               "https://git.example/group/app.git"),
          Pair("http://gitlab-ci-token:tok@10.0.0.1:8080/gitlab/", "http://10.0.0.1:8080/gitlab/"),
          Pair("https://gitlab-ci-token:tok@git.example/", "https://git.example/")));
  EXPECT_THAT(urls.origins, ElementsAre("https://git.example", "http://10.0.0.1:8080"));
  EXPECT_THAT(urls.tls_origins, ElementsAre("https://git.example"));
}

struct CloneUrl {
  const char* clone_url;
  const char* remote;
  const char* first_rule;  ///< "" = there are none
};

TEST(GitUrls, CloneUrlReplacesSchemeAndHost) {
  const CloneUrl cases[] = {
      {"http://10.0.0.1:8080", "http://10.0.0.1:8080/group/app.git",
       "http://gitlab-ci-token:tok@10.0.0.1:8080/group/app.git"},
      {"https://git.internal/sub//", "https://git.internal/sub/group/app.git",
       "https://gitlab-ci-token:tok@git.internal/sub/group/app.git"},
      {"https://own:pw@git.internal", "https://git.internal/group/app.git",
       "https://gitlab-ci-token:tok@git.internal/group/app.git"},
      {"no url", "https://git.example/group/app.git",
       "https://gitlab-ci-token:tok@git.example/group/app.git"},
      {"ssh://git.internal:22", "ssh://git@git.internal:22/group/app.git", ""},
      {"ssh://deploy:pw@git.internal", "ssh://deploy@git.internal/group/app.git", ""},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.clone_url);
    auto input = usual();
    input.clone_url = c.clone_url;
    const auto urls = git_urls(input);
    EXPECT_EQ(urls.remote, c.remote);
    if (*c.first_rule == '\0')
      EXPECT_THAT(urls.rules, IsEmpty());
    else
      EXPECT_EQ(urls.rules.front().first, c.first_rule);
  }
  // The runner's CA file says nothing of another host.
  auto input = usual();
  input.clone_url = "https://git.internal";
  EXPECT_THAT(git_urls(input).tls_origins, ElementsAre("https://git.example"));
  input.clone_url = "https://git.example:8443";
  EXPECT_THAT(git_urls(input).tls_origins,
              ElementsAre("https://git.example", "https://git.example:8443"));
}

TEST(GitUrls, WithoutTokensThereAreNone) {
  auto input = usual();
  input.tokens_in_urls = false;
  input.force_https = true;
  input.ssh_host = "git.example";
  const auto urls = git_urls(input);
  EXPECT_EQ(urls.remote, "https://git.example/group/app.git");
  EXPECT_THAT(urls.rules, ElementsAre(Pair("https://git.example/", "git@git.example:"),
                                      Pair("https://git.example/", "ssh://git@git.example/")));
  EXPECT_THAT(urls.origins, ElementsAre("https://git.example"));
}

TEST(GitUrls, SshBecomesHttps) {
  auto input = usual();
  input.force_https = true;
  EXPECT_EQ(git_urls(input).rules.size(), 2u);
  input.ssh_host = "ssh.example";
  const std::string base = "https://gitlab-ci-token:tok@git.example/";
  for (const auto* port : {"", "22"}) {
    input.ssh_port = port;
    const auto rules = git_urls(input).rules;
    ASSERT_EQ(rules.size(), 4u);
    EXPECT_THAT(rules[2], Pair(base, "git@ssh.example:"));
    EXPECT_THAT(rules[3], Pair(base, "ssh://git@ssh.example/"));
  }
  input.ssh_port = "2222";
  const auto rules = git_urls(input).rules;
  ASSERT_EQ(rules.size(), 3u);
  EXPECT_THAT(rules[2], Pair(base, "ssh://git@ssh.example:2222/"));
}

TEST(GitUrls, OddInputIsTakenAsItIs) {
  auto input = usual();
  input.repo_url = "git@git.example:group/app.git";
  auto urls = git_urls(input);
  EXPECT_EQ(urls.remote, input.repo_url);
  EXPECT_THAT(urls.rules, ElementsAre(Pair("https://gitlab-ci-token:tok@git.example/",
                                           "https://git.example/")));
  input = {};
  urls = git_urls(input);
  EXPECT_EQ(urls.remote, "");
  EXPECT_THAT(urls.rules, IsEmpty());
  input.repo_url = "/srv/app.git";
  EXPECT_EQ(git_urls(input).remote, "/srv/app.git");
  input = usual();
  input.token = "a:b@c/d";
  input.clone_url = "https://h";
  EXPECT_EQ(git_urls(input).rules.front().first,
            "https://gitlab-ci-token:a%3Ab%40c%2Fd@h/group/app.git");
}

TEST(GitUrls, Origins) {
  const std::pair<const char*, const char*> cases[] = {
      {"http://h/a/b.git", "http://h"},
      {"https://u:p@h:8443/a", "https://u:p@h:8443"},
      {"http://[::1]:80/x", "http://[::1]:80"},
      {"http://h", "http://h"},
      {"ssh://git@h:22/x", "ssh://git@h:22"},
      {"git@h:x.git", ""},
      {"/local/path", ""},
      {"://x", ""},
      {"", ""},
  };
  for (const auto& [url, want] : cases) EXPECT_EQ(url_origin(url), want) << url;
}

TEST(GitUrls, Credentials) {
  const std::pair<const char*, const char*> cases[] = {
      {"https://u:p@h/a.git", "https://h/a.git"},
      {"https://u:p@ss@h/a.git", "https://h/a.git"},
      {"https://h/a@b.git", "https://h/a@b.git"},
      {"https://u:p@h", "https://h"},
      {"https://u:p@h?x=a@b", "https://h?x=a@b"},
      {"git@h:a.git", "git@h:a.git"},
      {"ssh://git@h/a", "ssh://git@h/a"},
      {"ssh://git:pw@h/a", "ssh://git@h/a"},
      {"ssh://h/a", "ssh://h/a"},
  };
  for (const auto& [url, want] : cases) EXPECT_EQ(without_credentials(url), want) << url;
}

}  // namespace
}  // namespace slipway::job
