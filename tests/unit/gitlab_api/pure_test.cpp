#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "gitlab_api/client.hpp"
#include "gitlab_api/error_text.hpp"
#include "gitlab_api/info.hpp"
#include "gitlab_api/system_id.hpp"
#include "gitlab_api/url.hpp"

namespace slipway::gitlab_api {
namespace {

TEST(ApiBase, Edge1ExactlyOneApiV4) {
  const struct {
    const char* url;
    std::optional<std::string> want;
  } cases[] = {
      {"https://git.example.org", "https://git.example.org/api/v4/"},
      {"https://git.example.org/", "https://git.example.org/api/v4/"},
      {"https://git.example.org///", "https://git.example.org/api/v4/"},
      {"https://git.example.org/ci", "https://git.example.org/api/v4/"},
      {"https://git.example.org/ci///", "https://git.example.org/api/v4/"},
      {"https://git.example.org/sub/ci///", "https://git.example.org/sub/api/v4/"},
      {"https://git.example.org/sub/", "https://git.example.org/sub/api/v4/"},
      {"https://git.example.org/ci/ci", "https://git.example.org/ci/api/v4/"},
      {"http://172.17.0.1:8929/", "http://172.17.0.1:8929/api/v4/"},
      {"http://[::1]:8929/", "http://[::1]:8929/api/v4/"},
      {"https://h:443", "https://h/api/v4/"},
      {"https://user:pass@h", "https://h/api/v4/"},
      {"ftp://h", std::nullopt},
      {"h", std::nullopt},
      {"", std::nullopt},
      {"https://", std::nullopt},
      {"https:///path", std::nullopt},
      {"unix:///x", std::nullopt},
      {"https://h/?a=b", std::nullopt},
  };
  for (const auto& c : cases) EXPECT_EQ(api_base(c.url), c.want) << c.url;
}

TEST(Url, LocationsSeenFromAUrl) {
  const auto base = net::parse_url("https://h:8443/a/b?q=1").value();
  const struct {
    const char* location;
    std::optional<std::string> want;
  } cases[] = {
      {"http://other/x", "http://other/x"}, {"//other/x", "https://other/x"},
      {"/x?y=z#f", "https://h:8443/x?y=z"}, {"x", "https://h:8443/a/x"},
      {"?y", "https://h:8443/a/b?y"},       {"/a:b", "https://h:8443/a:b"},
      {"javascript:1", std::nullopt},       {"ftp://x/", std::nullopt},
  };
  for (const auto& c : cases) EXPECT_EQ(resolve_location(base, c.location), c.want) << c.location;
}

TEST(Url, MessagesShowNoCredentialsOrQueries) {
  EXPECT_EQ(display_url("https://u:secret@h/a?private_token=x#f"), "https://h/a");
}

TEST(Info, AShellRunnerPromisesWhatItKeeps) {
  RunnerInfo info;
  info.executor = "shell";
  const auto json = info_json(info);
  EXPECT_EQ(json.at("shell"), "bash");
  const auto& features = json.at("features");
  for (const auto* name : {"variables", "raw_variables", "refspecs", "masking", "return_exit_code",
                           "multi_build_steps", "shared", "cancelable"})
    EXPECT_EQ(features.at(name), true) << name;
  for (const auto* name : {"image", "services", "service_variables", "image_executor_opts",
                           "service_executor_opts", "session", "terminal"})
    EXPECT_EQ(features.at(name), false) << name;
}

TEST(ErrorText, IsFitForOneLine) {
  const struct {
    const char* what;
    std::string text;
    std::string want;
  } cases[] = {
      {"plain", "é ok", "é ok"},
      {"control characters", "a\nb\x1b[0mc\x7f", "a b [0mc "},
      {"broken UTF-8",
       "a\xff"
       "b\xc3",
       "a?b?"},
      {"secret", "x s3cret y s3cret", "x [MASKED] y [MASKED]"},
      {"cut at a character", std::string(19, 'a') + "éé", std::string(19, 'a') + "…"},
  };
  for (const auto& c : cases)
    EXPECT_EQ(printable(c.text, 20 + (c.text[0] == 'x' ? 20 : 0), {"s3cret"}), c.want) << c.what;
}

TEST(ErrorText, OfAnObjectStore) {
  const auto text = [](const char* type, const char* body) {
    return error_message(net::Headers{{"Content-Type", type}}, body);
  };
  const auto* denied =
      "<?xml version=\"1.0\"?>\n<Error><Code>AccessDenied</Code><Message>Not &lt;you&gt; &amp;amp; "
      "me</Message><RequestId>1</RequestId></Error>";
  EXPECT_EQ(text("application/xml", denied), "AccessDenied: Not <you> &amp; me");
  EXPECT_EQ(text("text/xml; charset=utf-8", denied), "AccessDenied: Not <you> &amp; me");
  EXPECT_EQ(text("text/html", denied), "");
  EXPECT_EQ(text("text/xml", "<Error><Code>Gone</Code></Error>"), "Gone");
  EXPECT_EQ(text("text/xml", "<Error><Code>Gone</Error>"), "");
  EXPECT_EQ(text("text/xml", "<html><Code>x</Code></html>"), "");
  EXPECT_EQ(text("text/xml", ""), "");
}

TEST(SystemId, ShapeAndDerivation) {
  EXPECT_EQ(make_system_id("0123456789abcdef0123456789abcdef"), "s_ee3af03959fe");
  const auto random = make_system_id("");
  EXPECT_TRUE(is_system_id(random)) << random;
  EXPECT_EQ(random[0], 'r');
  EXPECT_NE(make_system_id(""), random);
  for (const auto* good : {"s_0123456789ab", "r_AbCdEfGhIjK9"}) EXPECT_TRUE(is_system_id(good));
  for (const auto* bad : {"", "s_", "x_0123456789ab", "s_0123456789a", "s_0123456789abc",
                          "s_0123456789a-", "s_0123456789ab\n", "s-0123456789ab"})
    EXPECT_FALSE(is_system_id(bad)) << bad;
}

class SystemIdFile : public ::testing::Test {
 protected:
  SystemIdFile() {
    std::string name = std::filesystem::temp_directory_path() / "system_id_XXXXXX";
    directory_ = ::mkdtemp(name.data());
  }
  ~SystemIdFile() override { std::filesystem::remove_all(directory_); }
  std::filesystem::path file(const std::string& folder = "") const {
    return directory_ / folder / ".runner_system_id";
  }
  static std::string read(const std::filesystem::path& path) {
    std::ifstream in{path};
    return {std::istreambuf_iterator<char>{in}, {}};
  }
  std::filesystem::path directory_;
};

TEST_F(SystemIdFile, Edge11WhitespaceIsTrimmedGarbageIsReplaced) {
  std::ofstream{file()} << "  s_0123456789ab\n";
  EXPECT_EQ(load_system_id(directory_), "s_0123456789ab");
  for (const auto* garbage : {"", "garbage", "s_0123456789ab\ns_0123456789ab"}) {
    std::ofstream{file()} << garbage;
    const auto id = load_system_id(directory_);
    EXPECT_TRUE(is_system_id(id));
    EXPECT_EQ(read(file()), id);
    EXPECT_EQ(load_system_id(directory_), id);
  }
}

TEST_F(SystemIdFile, IsMadeForUsAlone) {
  const auto id = load_system_id(directory_ / "deep/er");
  EXPECT_EQ(read(file("deep/er")), id);
  struct stat status {};
  ::stat(file("deep/er").c_str(), &status);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  ::stat((directory_ / "deep").c_str(), &status);
  EXPECT_EQ(status.st_mode & 0777, 0700u);
}

TEST_F(SystemIdFile, UnreadableIsAnErrorUnsavedIsNot) {
  std::filesystem::create_directory(file());
  EXPECT_THROW(load_system_id(directory_), std::runtime_error);
  EXPECT_TRUE(is_system_id(load_system_id("/proc/none")));
}

}  // namespace
}  // namespace slipway::gitlab_api
