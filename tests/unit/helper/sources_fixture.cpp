#include "sources_fixture.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "helper/sources/files.hpp"
#include "helper/stage.hpp"
#include "tests/fakes/certificates.hpp"
#include "tests/fakes/test_paths.hpp"

namespace slipway::helper {
namespace fs = std::filesystem;
namespace {

struct Server {
  pid_t pid = -1;
  std::string port;
  std::string tls_port;
  std::string ca;
  fs::path directory;
};
Server server;

fs::path make_temporary() {
  std::string name = (fs::temp_directory_path() / "sources.XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error{"mkdtemp"};
  return name;
}

void redirect(const fs::path& path, int fd) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  ::dup2(file, fd);
  ::close(file);
}

}  // namespace

std::string read_file(const fs::path& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

void write_file(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream{path, std::ios::binary} << text;
}

StageResult run_stage(const std::string& name, const nlohmann::json& parameters,
                      const fs::path& home) {
  const auto text = parameters.dump();
  const auto out = home / "stage.out";
  const auto err = home / "stage.err";
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::setenv("HOME", home.c_str(), 1);
    for (const auto* name :
         {"GIT_CONFIG_GLOBAL", "GIT_SSL_CAINFO", "SSL_CERT_FILE", "XDG_CONFIG_HOME"})
      ::unsetenv(name);
    ::umask(0);
    redirect(out, STDOUT_FILENO);
    redirect(err, STDERR_FILENO);
    std::_Exit(run_native_stage(name, text));
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read_file(out), read_file(err)};
}

void SourcesDirectory::SetUp() {
  root_ = make_temporary();
}

void SourcesDirectory::TearDown() {
  remove_tree(root_);
}

void SourcesTest::SetUpTestSuite() {
  server.directory = make_temporary();
  const tests::CertificateAuthority authority;
  const auto identity = authority.issue();
  server.ca = authority.certificate();
  const auto certificate = server.directory / "certificate.pem";
  const auto key = server.directory / "key.pem";
  write_file(certificate, identity.certificate);
  write_file(key, identity.key);
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const auto script = std::string{fakes::test_data_dir} + "/sources_git_server.py";
  const auto log = server.directory / "requests";
  server.pid = ::fork();
  if (server.pid == 0) {
    ::dup2(ends[1], STDOUT_FILENO);
    ::close(ends[0]);
    ::close(ends[1]);
    ::execlp("python3", "python3", script.c_str(), server.directory.c_str(), log.c_str(),
             "gitlab-ci-token", token, certificate.c_str(), key.c_str(), nullptr);
    std::_Exit(127);
  }
  ::close(ends[1]);
  std::string ports;
  char digit = 0;
  while (::read(ends[0], &digit, 1) == 1 && digit != '\n') ports += digit;
  ::close(ends[0]);
  server.port = ports.substr(0, ports.find(' '));
  server.tls_port = ports.substr(ports.find(' ') + 1);
  ASSERT_FALSE(server.port.empty()) << "python3 with http.server is needed";
}

void SourcesTest::TearDownTestSuite() {
  if (server.pid > 0) {
    ::kill(server.pid, SIGTERM);
    ::waitpid(server.pid, nullptr, 0);
  }
  remove_tree(server.directory);
}

void SourcesTest::SetUp() {
  SourcesDirectory::SetUp();
  home_ = root_ / "home";
  project_ = root_ / "builds dir" / "my project";
  temp_ = root_ / "builds dir" / "my project.tmp";
  seed_ = root_ / "seed";
  fs::create_directories(home_);
  make_repository();
}

std::string SourcesTest::git(const fs::path& directory,
                             const std::vector<std::string>& arguments) const {
  std::string command =
      "unset GIT_SSL_CAINFO; GIT_CONFIG_GLOBAL=/dev/null git -c safe.directory='*' -c user.name=a "
      "-c user.email=a@example.com -C '" +
      directory.string() + "'";
  for (const auto& argument : arguments) command += " '" + argument + "'";
  std::unique_ptr<FILE, int (*)(FILE*)> pipe{::popen(command.c_str(), "r"), ::pclose};
  std::string text;
  char buffer[4096];
  while (const auto size = ::fread(buffer, 1, sizeof buffer, pipe.get())) text.append(buffer, size);
  EXPECT_EQ(::pclose(pipe.release()), 0) << command;
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

void SourcesTest::make_repository(const std::vector<std::string>& init_flags) {
  write_file(server.directory / "requests", "");
  add_repository("project", init_flags);
}

std::string SourcesTest::commit(const std::string& file, const std::string& text,
                                const std::string& branch) {
  write_file(seed_ / file, text);
  return push(seed_, branch);
}

std::string SourcesTest::push(const fs::path& work, const std::string& branch) {
  git(work, {"add", "-A"});
  git(work, {"commit", "-q", "-m", "a commit"});
  git(work, {"push", "-q", "-f", "origin", "HEAD:refs/heads/" + branch});
  return git(work, {"rev-parse", "HEAD"});
}

fs::path SourcesTest::add_repository(const std::string& name,
                                     const std::vector<std::string>& init_flags) {
  const auto bare = server.directory / "group" / (name + ".git");
  const auto work = name == "project" ? seed_ : root_ / ("seed of " + name);
  remove_tree(bare);
  remove_tree(work);
  for (const auto& [path, flag] : {std::pair{bare, "--bare"}, std::pair{work, "--quiet"}}) {
    fs::create_directories(path);
    std::vector<std::string> arguments{"init", "-q", flag, "-b", "main"};
    arguments.insert(arguments.end(), init_flags.begin(), init_flags.end());
    git(path, arguments);
  }
  git(work, {"remote", "add", "origin", bare.string()});
  return work;
}

std::string SourcesTest::add_submodule(const fs::path& work, const std::string& path,
                                       const std::string& url, const std::string& commit,
                                       const std::string& more) {
  auto text = fs::exists(work / ".gitmodules") ? read_file(work / ".gitmodules") : "";
  text += "[submodule \"" + path + "\"]\n\tpath = " + path + "\n\turl = " + url + "\n" + more;
  write_file(work / ".gitmodules", text);
  git(work, {"update-index", "--add", "--cacheinfo", "160000," + commit + "," + path});
  fs::create_directories(work / path);
  return push(work);
}

std::string SourcesTest::url(const std::string& repository, bool tls) {
  return (tls ? "https://127.0.0.1:" + server.tls_port : "http://127.0.0.1:" + server.port) +
         "/group/" + repository + ".git";
}

const std::string& SourcesTest::certificate_authority() {
  return server.ca;
}

void SourcesTest::store_lfs_object(const std::string& id, const std::string& content) {
  write_file(server.directory / "lfs" / id, content);
}

void SourcesTest::add_credentials(job::GetSourcesParameters& parameters,
                                  const std::string& password) {
  const auto& remote = parameters.remote_url;
  const auto host = remote.find("://") + 3;
  const auto with = remote.substr(0, host) + "gitlab-ci-token:" + password + "@";
  const auto server_end = remote.find('/', host) + 1;
  parameters.url_rules = {
      {with + remote.substr(host), remote},
      {with + remote.substr(host, server_end - host), remote.substr(0, server_end)}};
}

job::GetSourcesParameters SourcesTest::parameters(const std::string& sha,
                                                  const std::string& ref) const {
  job::GetSourcesParameters result;
  result.remote_url = url("project");
  add_credentials(result, token);
  result.project_dir = project_.string();
  result.temp_dir = temp_.string();
  result.ref = ref;
  result.sha = sha;
  result.refspecs = {"+refs/heads/" + ref + ":refs/remotes/origin/" + ref};
  result.user_agent = "slipway 1.2.3 linux/amd64";
  result.correlation_id = "01JCORRELATION";
  return result;
}

StageResult SourcesTest::get_sources(const job::GetSourcesParameters& parameters) const {
  return run_stage("get_sources", parameters, home_);
}

int SourcesTest::history() const {
  return std::stoi(git(project_, {"rev-list", "--count", "HEAD"}));
}

std::string SourcesTest::served_requests() const {
  return read_file(server.directory / "requests");
}

}  // namespace slipway::helper
