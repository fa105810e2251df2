#include "config/edit_keys.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "config/edit.hpp"
#include "config/load.hpp"
#include "config/template.hpp"

namespace slipway::config {
namespace {

using testing::HasSubstr;

const std::string two_runners =
    "# mine\nconcurrent = 1 # one\n\n[[runners]]\n  name = \"a\"\n  url = \"https://h/\"\n"
    "  token = \"$TOKEN_A\" # kept\n  executor = \"docker\"\n  limit = 2\n  [runners.docker]\n"
    "    image = \"alpine\"\n    tls_verify = false\n    buids = 1\n\n"
    "[[runners]]\n  name = \"b\"\n  url = \"https://h/\"\n  token = \"tb\"\n"
    "  executor = \"docker\"\n  [runners.docker]\n    image = \"busybox\"\n";

class EditKeys : public testing::Test {
 protected:
  EditKeys() {
    auto pattern = (std::filesystem::temp_directory_path() / "slipway-keys-XXXXXX").string();
    directory = ::mkdtemp(pattern.data());
    path = (directory / "config.toml").string();
  }
  ~EditKeys() override { std::filesystem::remove_all(directory); }
  void write(const std::string& text) const { std::ofstream{path} << text; }
  std::string file() const {
    std::ostringstream text;
    text << std::ifstream{path}.rdbuf();
    return text.str();
  }
  static bool is_b(const Runner& runner) { return runner.name == "b"; }

  std::filesystem::path directory;
  std::string path;
};

TEST(WithRunnerKey, ChangesOneValueAndNothingElse) {
  const struct {
    const char* what;
    std::size_t runner;
    const char* key;
    const char* value;
    std::string from;
    std::string to;
  } cases[] = {
      {"a key that is there", 0, "limit", "3", "limit = 2", "limit = 3"},
      {"of a table", 1, "docker.image", "\"ruby\"", "\"busybox\"", "\"ruby\""},
      {"a new key", 0, "docker.shm_size", "300", "  [runners.docker]\n    image = \"alpine\"",
       "  [runners.docker]\n    shm_size = 300\n    image = \"alpine\""},
      {"a new table", 0, "feature_flags.FF_X", "true", "    buids = 1\n",
       "    buids = 1\n  [runners.feature_flags]\n    FF_X = true\n"},
      {"a name in quotes", 1, "docker.tmpfs./tmp", "\"rw\"", "    image = \"busybox\"\n",
       "    image = \"busybox\"\n    [runners.docker.tmpfs]\n      \"/tmp\" = \"rw\"\n"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    auto want = two_runners;
    want.replace(want.find(c.from), c.from.size(), c.to);
    EXPECT_EQ(with_runner_key(two_runners, c.runner, c.key, c.value), want);
  }
  EXPECT_EQ(with_runner_key("runners = [{name = \"a\"}]\n", 0, "limit", "1"),
            "runners = [{name = \"a\"}]\n")
      << "not a block";
}

TEST(WithTopKey, FindsItOrAddsIt) {
  EXPECT_EQ(with_top_key("concurrent = 1 # c\n[[runners]]\nconcurrent = 2\n", "concurrent", "5"),
            "concurrent = 5 # c\n[[runners]]\nconcurrent = 2\n");
  EXPECT_EQ(with_top_key("# c\n[a]\nconcurrent = 2\n", "concurrent", "5"),
            "concurrent = 5\n# c\n[a]\nconcurrent = 2\n");
  EXPECT_EQ(with_top_key("", "concurrent", "5"), "concurrent = 5\n");
}

TEST_F(EditKeys, UpdatesWhatAnEntryHas) {
  write(two_runners);
  RunnerEntry entry;
  entry.set("docker.image", std::string{"ruby:3.3"});
  entry.set("limit", std::int64_t{4});
  entry.set("feature_flags", std::map<std::string, bool>{{"FF_NETWORK_PER_BUILD", true}});
  EXPECT_TRUE(update_runner(path, is_b, entry));
  const auto config = load(path);
  EXPECT_EQ(config.runners.at(1).docker->image, "ruby:3.3");
  EXPECT_EQ(config.runners.at(1).limit, 4);
  EXPECT_EQ(config.runners.at(1).feature_flags.at("FF_NETWORK_PER_BUILD"), true);
  EXPECT_THAT(file(), testing::StartsWith(
                          two_runners.substr(0, two_runners.find("[[runners]]\n  name = \"b\""))));
  const auto once = file();
  EXPECT_TRUE(update_runner(path, is_b, entry));
  EXPECT_EQ(file(), once);
  EXPECT_FALSE(update_runner(
      path, [](const Runner& runner) { return runner.name == "c"; }, entry));
}

TEST_F(EditKeys, AValueThatIsNoGoodChangesNothing) {
  write(two_runners);
  EXPECT_THROW(set_runner_key(path, is_b, "docker.shm_size", "\"1g\""), ConfigError);
  EXPECT_THROW(set_runner_key(path, is_b, "docker.shm_size", "1 2"), ConfigError);
  EXPECT_EQ(file(), two_runners);
}

TEST_F(EditKeys, NamesOfKeysAreChecked) {
  for (const auto* key : {"limit", "docker.image", "docker.tmpfs./tmp", "feature_flags.FF_X"})
    EXPECT_NO_THROW(check_runner_key(key)) << key;
  try {
    check_runner_key("docker.imgae");
    FAIL();
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(), "unknown key \"runners.docker.imgae\" (did you mean \"image\"?)");
  }
  EXPECT_THROW(check_runner_key("dokcer.image"), std::invalid_argument);
}

TEST_F(EditKeys, ConcurrentAndAFileOfDefaults) {
  create_config(path);
  EXPECT_EQ(file(),
            "concurrent = 1\ncheck_interval = 0\nshutdown_timeout = 0\n\n[session_server]\n"
            "  session_timeout = 1800\n");
  set_concurrent(path, 8);
  EXPECT_THAT(file(), testing::StartsWith("concurrent = 8\ncheck_interval = 0\n"));
  create_config(path);
  EXPECT_EQ(load(path).concurrent, 8);
}

const std::string template_text =
    "concurrent = 9\n[[runners]]\n  name = \"ignored\"\n  token = \"ignored\"\n  limit = 7\n"
    "  environment = [\"T=1\"]\n  prepare_timeout = \"5m\"\n  [runners.docker]\n"
    "    image = \"from-template\"\n    privileged = true\n    cpus = \"2\"\n"
    "    [runners.docker.tmpfs]\n      \"/a\" = \"rw\"\n      \"/b\" = \"ro\"\n"
    "    [[runners.docker.services]]\n      name = \"docker:dind\"\n      command = [\"--x\"]\n"
    "  [runners.kubernetes]\n    image = \"k\"\n    [[runners.kubernetes.volumes.empty_dir]]\n"
    "      name = \"v\"\n      mount_path = \"/v\"\n";

TEST_F(EditKeys, ATemplateGivesWhatIsMissing) {
  write(template_text);
  RunnerEntry entry;
  entry.set("url", std::string{"https://h/"});
  entry.set("environment", std::vector<std::string>{"C=2"});
  entry.set("docker.image", std::string{"mine"});
  entry.set("docker.tmpfs", std::map<std::string, std::string>{{"/a", "mine"}});
  merge_template(entry, path);
  const auto text = entry.render();
  for (const auto* line :
       {"  limit = 7\n", "  environment = [\"C=2\"]\n", "  prepare_timeout = \"5m0s\"\n",
        "    image = \"mine\"\n", "    privileged = true\n", "    cpus = \"2\"\n",
        "      \"/a\" = \"mine\"\n", "      \"/b\" = \"ro\"\n",
        "    [[runners.docker.services]]\n      command = [\"--x\"]\n      name = "
        "\"docker:dind\"\n",
        "[[runners.kubernetes.volumes.empty_dir]]\n"})
    EXPECT_THAT(text, HasSubstr(line));
  EXPECT_THAT(text, testing::Not(HasSubstr("ignored")));
  const auto config = parse(text, "t", [](const std::string&) { return std::nullopt; });
  EXPECT_EQ(config.runners.at(0).docker->services.at(0).name, "docker:dind");
  entry.erase_table("kubernetes");
  EXPECT_THAT(entry.render(), testing::Not(HasSubstr("kubernetes")));
}

TEST_F(EditKeys, TemplatesThatAreNoGood) {
  RunnerEntry entry;
  const struct {
    const char* text;
    const char* want;
  } cases[] = {
      {nullptr, "configuration template not found"},
      {"", "must contain exactly one [[runners]] entry"},
      {"[[runners]]\n[[runners]]\n", "must contain exactly one [[runners]] entry"},
      {"[[runners]]\nlimit = \"x\"\n", ":2:9: key \"runners.limit\": expected an integer"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.want);
    if (c.text != nullptr) write(c.text);
    try {
      merge_template(entry, path);
      FAIL();
    } catch (const ConfigError& error) {
      EXPECT_THAT(error.what(), HasSubstr(c.want));
    }
  }
}

}  // namespace
}  // namespace slipway::config
