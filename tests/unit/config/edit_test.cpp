#include "config/edit.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "config/file.hpp"
#include "config/load.hpp"
#include "config/schema.hpp"
#include "config/schema_text.hpp"
#include "config/sections.hpp"

namespace slipway::config {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

const std::string head = R"(concurrent = 1
check_interval = 0
shutdown_timeout = 0

[session_server]
  session_timeout = 1800

)";

const std::string cache_tables = R"(  [runners.cache]
    MaxUploadedArchiveSize = 0
    [runners.cache.s3]
      AssumeRoleMaxConcurrency = 0
    [runners.cache.gcs]
    [runners.cache.azure]
)";

std::string runner_head(const std::string& name, const std::string& url,
                        const std::string& executor) {
  return "[[runners]]\n  name = \"" + name + "\"\n  url = \"" + url +
         "\"\n  id = 12345\n  token = \"TOKEN\"\n"
         "  token_obtained_at = 2026-01-01T00:00:00Z\n"
         "  token_expires_at = 0001-01-01T00:00:00Z\n  executor = \"" +
         executor + "\"\n" + cache_tables;
}

std::string docker_table(const std::string& image, bool privileged, const std::string& volumes,
                         const std::string& pull_policy = "") {
  return "  [runners.docker]\n    tls_verify = false\n    image = \"" + image +
         "\"\n    privileged = " + (privileged ? "true" : "false") +
         "\n    disable_entrypoint_overwrite = false\n    oom_kill_disable = false\n"
         "    disable_cache = false\n    volumes = [" +
         volumes + "]\n    volume_keep = false\n" + pull_policy +
         "    shm_size = 0\n    network_mtu = 0\n";
}

RunnerEntry entry(const std::string& name, const std::string& executor,
                  const std::string& url = "https://gitlab.com/") {
  RunnerEntry entry;
  entry.set("name", name);
  entry.set("url", url);
  entry.set("id", 12345);
  entry.set("token", "TOKEN");
  entry.set("token_obtained_at", "2026-01-01T00:00:00Z");
  entry.set("executor", executor);
  return entry;
}

RunnerEntry docker_entry(const std::string& image, bool privileged,
                         std::vector<std::string> volumes,
                         const std::string& url = "https://gitlab.com/") {
  auto made = entry("My Docker Runner", "docker", url);
  made.set("docker.image", image);
  made.set("docker.privileged", privileged);
  made.set("docker.volumes", std::move(volumes));
  return made;
}

/// A directory that is removed at the end of the test.
class Edit : public testing::Test {
 protected:
  Edit() {
    std::string name = fs::temp_directory_path() / "config_test_XXXXXX";
    directory_ = ::mkdtemp(name.data());
  }
  ~Edit() override { fs::remove_all(directory_); }

  std::string path(const std::string& name = "config.toml") const { return directory_ / name; }
  void write(const std::string& text) const { std::ofstream{path()} << text; }
  static std::string read(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream{path}.rdbuf();
    return text.str();
  }
  std::string read() const { return read(path()); }
  static unsigned mode(const std::string& path) {
    struct stat status {};
    ::stat(path.c_str(), &status);
    return status.st_mode & 07777;
  }
  std::size_t files() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator{directory_}, fs::directory_iterator{}));
  }

  fs::path directory_;
};

TEST_F(Edit, NewFilesAreThoseOfTheDocumentedCommands) {
  auto quiet = docker_entry("docker:24.0.5-cli", true, {"/certs/client", "/cache"},
                            "http://172.17.0.1:8929/");
  quiet.set("docker.pull_policy", "if-not-present");
  const struct {
    const char* what;
    RunnerEntry entry;
    std::string want;
  } cases[] = {
      {"A, shell", entry("My Runner", "shell"),
       runner_head("My Runner", "https://gitlab.com/", "shell")},
      {"B, docker", docker_entry("docker:24.0.5", true, {"/certs/client", "/cache"}),
       runner_head("My Docker Runner", "https://gitlab.com/", "docker") +
           docker_table("docker:24.0.5", true, R"("/certs/client", "/cache")")},
      {"socket",
       docker_entry("docker:24.0.5", false,
                    {"/var/run/docker.sock:/var/run/docker.sock", "/cache"}),
       runner_head("My Docker Runner", "https://gitlab.com/", "docker") +
           docker_table("docker:24.0.5", false,
                        R"("/var/run/docker.sock:/var/run/docker.sock", "/cache")")},
      {"tagged TLS with pull policy", quiet,
       runner_head("My Docker Runner", "http://172.17.0.1:8929/", "docker") +
           docker_table("docker:24.0.5-cli", true, R"("/certs/client", "/cache")",
                        "    pull_policy = [\"if-not-present\"]\n")},
      {"tagged no TLS", docker_entry("docker:24.0.5-cli", true, {"/cache"}),
       runner_head("My Docker Runner", "https://gitlab.com/", "docker") +
           docker_table("docker:24.0.5-cli", true, R"("/cache")")},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    fs::remove(path());
    append_runner(path(), c.entry);
    EXPECT_EQ(read(), head + c.want);
    EXPECT_EQ(mode(path()), 0600u);
    EXPECT_EQ(load(path()).warnings.size(), 0u);
  }
  EXPECT_EQ(files(), 1u) << "nothing is left beside the file";
}

TEST_F(Edit, FullerSample) {
  RunnerEntry made;
  made.set("name", "tok");
  made.set("limit", 3);
  made.set("output_limit", 99);
  made.set("request_concurrency", 2);
  made.set("url", "https://gitlab.com/");
  made.set("id", 12345);
  made.set("token", "glrt-abc123456789");
  made.set("token_obtained_at", "2026-01-01T00:00:00Z");
  made.set("tls-ca-file", "/ca.pem");
  made.set("executor", "docker");
  made.set("builds_dir", "/builds");
  made.set("environment", std::vector<std::string>{"A=1", "B=2"});
  made.set("prepare_timeout", "5m");
  made.set("shell", "bash");
  made.set("cache.Type", "s3");
  made.set("cache.s3.ServerAddress", "minio:9000");
  made.set("feature_flags", std::map<std::string, bool>{{"FF_NETWORK_PER_BUILD", true}});
  made.set("docker.host", "tcp://x:2376");
  made.set("docker.tls_cert_path", "/certs");
  made.set("docker.tls_verify", true);
  made.set("docker.image", "alpine");
  made.set("docker.memory", "1g");
  made.set("docker.cpus", "1.5");
  made.set("docker.services_privileged", false);
  made.set("docker.volumes", std::vector<std::string>{"/cache"});
  made.set("docker.extra_hosts", std::vector<std::string>{"a:1.2.3.4"});
  made.set("docker.network_mode", "host");
  made.set("docker.allowed_images", std::vector<std::string>{"ruby:*"});
  made.set("docker.allowed_pull_policies", std::vector<std::string>{"always"});
  made.set("docker.pull_policy", std::vector<std::string>{"if-not-present", "always"});
  made.set("docker.shm_size", 300000);
  made.set("docker.tmpfs", std::map<std::string, std::string>{{"/tmp", "rw"}});
  made.set("docker.sysctls", std::map<std::string, std::string>{{"net.x", "1"}});
  made.set("docker.ulimit", std::map<std::string, std::string>{{"nofile", "1024:2048"}});
  EXPECT_EQ(made.render(), R"([[runners]]
  name = "tok"
  limit = 3
  output_limit = 99
  request_concurrency = 2
  url = "https://gitlab.com/"
  id = 12345
  token = "glrt-abc123456789"
  token_obtained_at = 2026-01-01T00:00:00Z
  token_expires_at = 0001-01-01T00:00:00Z
  tls-ca-file = "/ca.pem"
  executor = "docker"
  builds_dir = "/builds"
  environment = ["A=1", "B=2"]
  prepare_timeout = "5m0s"
  shell = "bash"
  [runners.cache]
    Type = "s3"
    MaxUploadedArchiveSize = 0
    [runners.cache.s3]
      ServerAddress = "minio:9000"
      AssumeRoleMaxConcurrency = 0
    [runners.cache.gcs]
    [runners.cache.azure]
  [runners.feature_flags]
    FF_NETWORK_PER_BUILD = true
  [runners.docker]
    host = "tcp://x:2376"
    tls_cert_path = "/certs"
    tls_verify = true
    image = "alpine"
    memory = "1g"
    cpus = "1.5"
    privileged = false
    services_privileged = false
    disable_entrypoint_overwrite = false
    oom_kill_disable = false
    disable_cache = false
    volumes = ["/cache"]
    volume_keep = false
    extra_hosts = ["a:1.2.3.4"]
    network_mode = "host"
    allowed_images = ["ruby:*"]
    allowed_pull_policies = ["always"]
    pull_policy = ["if-not-present", "always"]
    shm_size = 300000
    network_mtu = 0
    [runners.docker.tmpfs]
      "/tmp" = "rw"
    [runners.docker.sysctls]
      "net.x" = "1"
    [runners.docker.ulimit]
      nofile = "1024:2048"
)");
}

TEST_F(Edit, EntryRefusesWhatTheFileCouldNotHold) {
  RunnerEntry made;
  EXPECT_THROW(made.set("nmae", "x"), std::invalid_argument);
  EXPECT_THROW(made.set("docker.nope", "x"), std::invalid_argument);
  EXPECT_THROW(made.set("nope.image", "x"), std::invalid_argument);
  EXPECT_THROW(made.set("limit", "3"), std::invalid_argument);
  EXPECT_THROW(made.set("docker.privileged", 1), std::invalid_argument);
  EXPECT_THROW(made.set("docker", "x"), std::invalid_argument);
  EXPECT_THROW(made.set("prepare_timeout", "5 minutes"), std::invalid_argument);
  made.set("docker.image", "i");
  made.erase_table("docker");
  EXPECT_EQ(made.find("docker.image"), nullptr);
  EXPECT_THAT(made.render(), testing::Not(HasSubstr("docker")));
}

TEST_F(Edit, TimesOfAServerAreCheckedBeforeTheyAreWritten) {
  const struct {
    const char* text;
    const char* want;
  } cases[] = {
      {"2031-05-01T00:00:00Z", "2031-05-01T00:00:00Z"},
      {"2031-05-01T00:00:00.123+02:00", "2031-05-01T00:00:00+02:00"},
      {"", "0001-01-01T00:00:00Z"},
      {"tomorrow", "0001-01-01T00:00:00Z"},
      {"2031-13-01T00:00:00Z", "0001-01-01T00:00:00Z"},
      {"2031-05-01T00:00:00Z\n[x]", "0001-01-01T00:00:00Z"},
      {"2031-05-01T00:00:00", "0001-01-01T00:00:00Z"},
  };
  for (const auto& c : cases) {
    RunnerEntry made;
    made.set("token_expires_at", c.text);
    EXPECT_THAT(made.render(), HasSubstr("token_expires_at = " + std::string{c.want} + "\n"));
  }
}

TEST_F(Edit, TextsAreQuoted) {
  EXPECT_EQ(quote_toml("a\"b\\c\n\t\x01\x7f é"), R"("a\"b\\c\n\t\u0001\u007f é")");
  auto made = entry("two\nlines \"and\" \\ [[runners]]", "shell");
  append_runner(path(), made);
  EXPECT_EQ(load(path()).runners.at(0).name, "two\nlines \"and\" \\ [[runners]]");
}

TEST_F(Edit, AppendingKeepsEveryByte) {
  const std::string old[] = {
      "# mine\nconcurrent=4 # four\n\n[[runners]] # first\n\ttoken = '$TOKEN'\nurl=\"http://h\"\n"
      "  odd_key = 1\n",
      "[[runners]]\r\nname = \"a\"\r\n",
      "concurrent = 2",
      "concurrent = 2\n\n",
      "[[runners]]\npre_build_script = '''\n[[runners]]\n'''\n# the end",
  };
  for (const auto& text : old) {
    SCOPED_TRACE(text);
    write(text);
    ::chmod(path().c_str(), 0644);
    const auto before = load(path()).runners.size();
    append_runner(path(), entry("My Runner", "shell"));
    EXPECT_TRUE(read().starts_with(text));
    EXPECT_TRUE(
        read().ends_with("\n\n" + runner_head("My Runner", "https://gitlab.com/", "shell")));
    EXPECT_EQ(load(path()).runners.size(), before + 1);
    EXPECT_EQ(mode(path()), 0644u);
  }
}

TEST_F(Edit, RefusesAChangeThatWouldNotBeReadBack) {
  const std::string old[] = {"runners = [{name = \"a\"}]\n", "concurrent =\n"};
  for (const auto& text : old) {
    write(text);
    EXPECT_THROW(append_runner(path(), entry("x", "shell")), ConfigError);
    EXPECT_EQ(read(), text);
  }
  write("");
  auto broken = entry("\xff", "shell");
  EXPECT_THROW(append_runner(path(), broken), ConfigError);
  EXPECT_EQ(read(), "");
  append_runner(path(), entry("My Runner", "shell"));
  EXPECT_TRUE(read().starts_with(head)) << "a blank file is a new one";
}

TEST_F(Edit, RemovesOnlyTheBlock) {
  const std::string first = "concurrent = 2 # two\n\n# about a\n";
  const std::string a =
      "[[runners]]\n  name = \"a\"\n  # inside\n  [runners.docker]\n    image = "
      "\"x\"\n    [[runners.docker.services]]\n      name = \"s\"\n";
  const std::string b =
      "\n# about b\n[[runners]]\n  name = \"b\"\n  x = [\n    [1],\n  ]\n"
      "  post_build_script = \"\"\"\n[[runners]]\n\"\"\"\"\n";
  const std::string session = "\n[session_server] # kept\n  session_timeout = 5\n";
  const std::string c =
      "\n[[ runners ]]\nname = 'c' # [[runners]]\n[runners.\"feature_flags\"]\n"
      "FF_X = true\n# last words\n";
  const auto all = first + a + b + session + c;
  const auto without = [&](const std::string& name) {
    write(all);
    EXPECT_EQ(remove_runners(path(), [&](const Runner& runner) { return runner.name == name; }),
              1u);
    return read();
  };
  EXPECT_EQ(without("a"), first + b + session + c);
  EXPECT_EQ(without("b"), first + a + "\n# about b\n" + session + c);
  EXPECT_EQ(without("c"), first + a + b + session + "\n# last words\n");
  write(all);
  EXPECT_EQ(remove_runners(path(), [](const Runner&) { return true; }), 3u);
  EXPECT_EQ(load(path()).runners.size(), 0u);
  EXPECT_THAT(read(), HasSubstr("[session_server] # kept"));
}

TEST_F(Edit, RemovesPartsThatStandElsewhere) {
  write(
      "[[runners]]\nname = \"a\"\n[session_server]\n[runners.docker]\nimage = \"x\"\n"
      "[[runners]]\nname = \"b\"\n");
  EXPECT_EQ(remove_runners(path(), [](const Runner& runner) { return runner.name == "a"; }), 1u);
  EXPECT_EQ(read(), "[session_server]\n[[runners]]\nname = \"b\"\n");
}

TEST_F(Edit, RemovingNothingWritesNothing) {
  EXPECT_EQ(remove_runners(path(), [](const Runner&) { return true; }), 0u);
  EXPECT_FALSE(fs::exists(path()));
  write("[[runners]]\nname = \"a\"\n");
  const auto before = fs::last_write_time(path());
  EXPECT_EQ(remove_runners(path(), [](const Runner&) { return false; }), 0u);
  EXPECT_EQ(fs::last_write_time(path()), before);
}

TEST_F(Edit, NewDirectoriesAreOursAlone) {
  const auto deep = path("etc/slipway/config.toml");
  append_runner(deep, entry("My Runner", "shell"));
  EXPECT_EQ(mode(deep), 0600u);
  EXPECT_EQ(mode(path("etc/slipway")), 0700u);
}

TEST_F(Edit, ASymbolicLinkStaysOne) {
  std::ofstream{path("real.toml")} << "concurrent = 2\n";
  fs::create_symlink("real.toml", path());
  append_runner(path(), entry("My Runner", "shell"));
  EXPECT_TRUE(fs::is_symlink(path()));
  EXPECT_THAT(read(path("real.toml")), HasSubstr("My Runner"));
}

TEST_F(Edit, SectionsOfAText) {
  const auto sections =
      find_sections("a = \"[x]\"\n[b.c]\n# [d]\nk = [\n[1],\n]\n  [[ e . 'f' ]] # z\n");
  ASSERT_EQ(sections.size(), 2u);
  EXPECT_THAT(sections[0].path, ElementsAre("b", "c"));
  EXPECT_FALSE(sections[0].array);
  EXPECT_THAT(sections[1].path, ElementsAre("e", "f"));
  EXPECT_TRUE(sections[1].array);
  EXPECT_EQ(sections[0].end, sections[1].begin);
  for (const auto* broken : {"[", "[[", "[a", "\"", "'''", "\"\\", "[\"", "]", "a = [[["})
    find_sections(broken);
}

TEST(Schema, IsWhole) {
  std::size_t tables = 0;
  for (const auto& list : {general_tables(), kubernetes_tables()})
    for (const auto& text : list) {
      ++tables;
      const auto* table = find_table(text.path);
      ASSERT_NE(table, nullptr) << text.path;
      for (const auto& key : table->keys) {
        EXPECT_FALSE(key.name.empty()) << text.path;
        EXPECT_EQ(table->find(key.name), &key) << "twice: " << text.path << "." << key.name;
        if (key.kind != Kind::table && key.kind != Kind::table_list) continue;
        const auto below = text.path.empty() ? key.name : std::string{text.path} + "." + key.name;
        EXPECT_NE(find_table(below), nullptr) << below;
      }
    }
  EXPECT_GT(tables, 60u);
}

}  // namespace
}  // namespace slipway::config
