#include "shell_jobs.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <csignal>
#include <fstream>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <regex>
#include <thread>

#include "tests/fakes/test_paths.hpp"

namespace slipway::cmd {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

namespace {

constexpr auto runner_token = "glrt-shellJobsToken0001";
constexpr auto short_token = "shellJobs";

local::CoordinatorOptions coordinator_options() {
  local::CoordinatorOptions options;
  options.trace_update_interval = 1s;
  return options;
}

std::string text_of(const fs::path& path) {
  std::ifstream file{path};
  return {std::istreambuf_iterator<char>{file}, {}};
}

}  // namespace

std::string plain_text(const std::string& trace) {
  static const std::regex stamp{
      R"((^|\n)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z [0-9a-f]{2}[OE]([ +]))"};
  static const std::regex marks{"(section_(start|end):[^\r\n]*\r\n?)|(\x1b\\[[0-9;]*[A-Za-z])"};
  auto text = std::regex_replace(trace, stamp, "$1");
  return std::regex_replace(text, marks, "");
}

bool is_alive(pid_t pid) {
  const auto stat = text_of(fmt::format("/proc/{}/stat", pid));
  const auto close = stat.rfind(") ");
  return close != std::string::npos && stat[close + 2] != 'Z' && stat[close + 2] != 'X';
}

bool gone_within(pid_t pid, std::chrono::milliseconds limit) {
  const auto until = std::chrono::steady_clock::now() + limit;
  while (is_alive(pid)) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(10ms);
  }
  return true;
}

pid_t pid_behind(const std::string& log, const std::string& name) {
  const auto at = log.rfind("\n" + name + "=");
  // 0 would be this process's own group.
  return at == std::string::npos ? 1 << 30 : std::stoi(log.substr(at + name.size() + 2));
}

ShellJobs::ShellJobs() : gitlab{io.get_executor(), coordinator_options()} {
  auto pattern = (fs::temp_directory_path() / "slipway-shell-XXXXXX").string();
  directory = ::mkdtemp(pattern.data());
  // Other users' jobs come through here.
  fs::permissions(directory, fs::perms{0755});
  builds = directory / "builds";
  net::Endpoint address;
  address.host = "127.0.0.1";
  port = gitlab.listen(address);
  gitlab.add_runner(util::Secret{runner_token});
  boost::asio::co_spawn(io, gitlab.run(),
                        boost::asio::bind_cancellation_slot(
                            stop_.slot(), [](std::exception_ptr) { /* ends cancelled */ }));
}

ShellJobs::~ShellJobs() {
  stop_.emit(boost::asio::cancellation_type::terminal);
  io.restart();
  io.run_for(5s);
  std::error_code ignored;
  fs::remove_all(directory, ignored);
}

void ShellJobs::TearDown() {
  if (pid_ > 0) {
    pump_until([this] { return journals() == 0; });
    EXPECT_EQ(end(SIGQUIT), 0);
  }
  pump_until([this] { return job_processes().empty(); }, 15s);
  EXPECT_THAT(job_processes(), ::testing::IsEmpty());
  EXPECT_EQ(journals(), 0u);
  EXPECT_THAT(temporary_files(), ::testing::IsEmpty());
  for (const auto& request : gitlab.unexpected_requests())
    ADD_FAILURE() << request.method << " " << request.target << ": " << request.why;
  if (HasFailure()) {
    std::cerr << "the daemon's log:\n" << daemon_log() << std::endl;
    for (const auto id : gitlab.job_ids())
      std::cerr << "log of job " << id << ":\n" << log_of(id) << std::endl;
  }
}

void ShellJobs::write_config() const {
  std::ofstream{directory / "config.toml"} << fmt::format(
      "concurrent = {}\ncheck_interval = 1\n[slipway]\nstate_dir = \"{}\"\n{}\n\n[[runners]]\n"
      "  name = \"shell\"\n  url = \"http://127.0.0.1:{}/\"\n  token = \"{}\"\n"
      "  executor = \"shell\"\n  request_concurrency = {}\n{}\n",
      concurrent, (directory / "state").string(), slipway_lines, port, runner_token, concurrent,
      runner_lines);
}

void ShellJobs::start() {
  write_config();
  std::vector<std::string> words{fakes::slipway_program,
                                 "run",
                                 "--config",
                                 (directory / "config.toml").string(),
                                 "--working-directory",
                                 directory.string()};
  words.insert(words.end(), run_flags.begin(), run_flags.end());
  std::vector<std::string> variables{"HOME=" + directory.string(),
                                     "PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"};
  for (const auto& [name, value] : environment) variables.push_back(name + "=" + value);
  const auto pointers = [](std::vector<std::string>& texts) {
    std::vector<char*> all;
    for (auto& text : texts) all.push_back(text.data());
    all.push_back(nullptr);
    return all;
  };
  const auto arguments = pointers(words);
  const auto entries = pointers(variables);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 2, (directory / "daemon.log").c_str(),
                                   O_WRONLY | O_CREAT | O_APPEND, 0600);
  posix_spawn_file_actions_addclosefrom_np(&actions, 3);
  ASSERT_EQ(::posix_spawn(&pid_, arguments[0], &actions, nullptr, arguments.data(), entries.data()),
            0);
  posix_spawn_file_actions_destroy(&actions);
}

bool ShellJobs::reap(std::chrono::seconds limit, int& status) {
  const auto until = std::chrono::steady_clock::now() + limit;
  while (::waitpid(pid_, &status, WNOHANG) == 0) {
    if (std::chrono::steady_clock::now() > until) return false;
    pump_for(10ms);
  }
  pid_ = -1;
  return true;
}

int ShellJobs::end(int signal) {
  if (pid_ <= 0) {
    ADD_FAILURE() << "the daemon does not run";
    return -1;
  }
  ::kill(pid_, signal);
  int status = 0;
  if (!reap(60s, status)) {
    ADD_FAILURE() << "the daemon did not end after signal " << signal;
    ::kill(pid_, SIGKILL);
    reap(10s, status);
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

void ShellJobs::pump_for(std::chrono::milliseconds time) {
  const auto until = std::chrono::steady_clock::now() + time;
  do {
    io.restart();
    if (io.run_one_for(10ms) == 0) std::this_thread::sleep_for(1ms);
  } while (std::chrono::steady_clock::now() < until);
}

bool ShellJobs::pump_until(const std::function<bool()>& condition, std::chrono::seconds limit) {
  const auto until = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until) {
      ADD_FAILURE() << "not within " << limit.count() << " s";
      return false;
    }
    pump_for(5ms);
  }
  return true;
}

const local::JobRecord& ShellJobs::wait_for_end(std::int64_t id) {
  pump_until([&] { return local::is_final(gitlab.job(id).state); });
  EXPECT_EQ(gitlab.job(id).wrong_checksums, 0);
  return gitlab.job(id);
}

std::int64_t ShellJobs::enqueue(const local::JobBuilder& builder) {
  return gitlab.enqueue(builder.build());
}

const local::JobRecord& ShellJobs::run_job(const local::JobBuilder& builder) {
  const auto id = enqueue(builder);
  if (!is_running()) start();
  return wait_for_end(id);
}

void ShellJobs::wait_for_output(std::int64_t id, const std::string& text) {
  pump_until([&] {
    const auto& job = gitlab.job(id);
    return log_of(id).find(text) != std::string::npos || local::is_final(job.state);
  });
  EXPECT_THAT(log_of(id), ::testing::HasSubstr(text));
}

local::Repository ShellJobs::make_repository(
    const std::vector<std::pair<std::string, std::string>>& files) {
  const auto work = directory / "work";
  for (const auto& [name, content] : files) {
    fs::create_directories((work / name).parent_path());
    std::ofstream{work / name} << content;
  }
  auto repository = local::snapshot(work, directory / "bare");
  gitlab.add_repository("demo/project", repository.bare);
  return repository;
}

std::string ShellJobs::log_of(std::int64_t id) const {
  return plain_text(gitlab.job(id).trace);
}

std::string ShellJobs::daemon_log() const {
  return text_of(directory / "daemon.log");
}

std::size_t ShellJobs::journals() const {
  std::error_code error;
  return static_cast<std::size_t>(std::distance(
      fs::directory_iterator{directory / "state" / "jobs", error}, fs::directory_iterator{}));
}

fs::path ShellJobs::project_dir(int slot) const {
  return builds / short_token / std::to_string(slot) / "demo" / "project";
}

std::vector<pid_t> ShellJobs::job_processes() const {
  const auto marked = directory.string();
  std::vector<pid_t> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator{"/proc", error}) {
    const auto name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    const auto pid = std::stoi(name);
    if (pid == pid_ || pid == ::getpid() || !is_alive(pid)) continue;
    if (text_of(entry.path() / "environ").find(marked) != std::string::npos) found.push_back(pid);
  }
  return found;
}

std::vector<std::string> ShellJobs::temporary_files() const {
  std::vector<std::string> found;
  std::error_code error;
  for (const auto& entry : fs::recursive_directory_iterator{builds, error}) {
    const auto parent = entry.path().parent_path().string();
    if (parent.ends_with(".tmp") && entry.path().filename() != "git-template")
      found.push_back(entry.path().string());
  }
  return found;
}

}  // namespace slipway::cmd
