#include "tests/integration/private_engine.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <thread>

#include "docker_api/client.hpp"
#include "net/client.hpp"
#include "tests/fakes/run_test.hpp"
#include "tests/integration/host_census.hpp"

namespace slipway::tests {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr auto start_limit = 30s;
/// dockerd gives its containers 15 s.
constexpr auto stop_limit = 40s;
constexpr std::size_t shown_log = 3000;
/// For measuring devices: no real network has it.
constexpr auto link_network = "198.18.0.0/15";
constexpr int links = 1 << 14;
constexpr auto directory_prefix = "slipway-engine-";

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

/// Starts a program that ends with this process, its output appended to `log`.
pid_t spawn(std::vector<std::string> words, const fs::path& log) {
  std::vector<char*> arguments;
  for (auto& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const auto path = environment("PATH") + ":/usr/sbin:/sbin";
  const auto parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) throw std::runtime_error{"cannot fork"};
  if (child > 0) return child;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(126);
  ::setsid();
  const int file = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  ::dup2(::open("/dev/null", O_RDONLY), 0);
  ::dup2(file, 1);
  ::dup2(file, 2);
  for (int fd = 3; fd < 1024; ++fd) ::close(fd);
  ::setenv("PATH", path.c_str(), 1);
  for (const char* name : {"DOCKER_HOST", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"})
    ::unsetenv(name);
  ::execvp(arguments[0], arguments.data());
  ::_exit(127);
}

/// The only child of a process; -1 while it has none.
pid_t child_of(pid_t parent) {
  std::ifstream file{fmt::format("/proc/{0}/task/{0}/children", parent)};
  pid_t child = -1;
  file >> child;
  return file ? child : -1;
}

/// Removes what processes left that were killed.
void remove_stale_directories() {
  for (const auto& entry : fs::directory_iterator{"/tmp"}) {
    const auto name = entry.path().filename().string();
    if (!name.starts_with(directory_prefix)) continue;
    const auto pid = std::atoi(name.c_str() + std::strlen(directory_prefix));
    std::error_code ignored;
    if (pid > 0 && ::kill(pid, 0) != 0) fs::remove_all(entry.path(), ignored);
  }
}

asio::awaitable<void> copy_image(std::string from_host, std::string to_socket, std::string name) {
  const auto executor = co_await asio::this_coro::executor;
  net::Limits limits;
  limits.max_body = std::size_t{2} << 30;
  net::HttpClient from{executor,
                       docker_api::parse_host(from_host, !environment("DOCKER_TLS_VERIFY").empty(),
                                              environment("DOCKER_CERT_PATH"))};
  net::Request save;
  save.target = "/images/get?names=" + net::percent_encode(name);
  auto saved = co_await from.send(std::move(save), limits);
  if (saved.status != 200)
    throw std::runtime_error{fmt::format("image {}: {}", name, saved.body.substr(0, 500))};
  net::Endpoint endpoint;
  endpoint.scheme = net::Endpoint::Scheme::unix_socket;
  endpoint.host = std::move(to_socket);
  net::HttpClient to{executor, endpoint};
  net::Request load{"POST", "/images/load?quiet=1", {{"Content-Type", "application/x-tar"}}, {}};
  load.body = std::move(saved.body);
  const auto loaded = co_await to.send(std::move(load), limits);
  if (loaded.status != 200 || loaded.body.find("error") != std::string::npos)
    throw std::runtime_error{fmt::format("loading {}: {}", name, loaded.body)};
}

}  // namespace

bool wait_for(const std::function<bool()>& condition, std::chrono::milliseconds limit) {
  const auto until = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(20ms);
  }
  return true;
}

std::string shell(const std::string& command) {
  std::string output;
  FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error{"cannot run " + command};
  std::array<char, 4096> buffer;
  while (const auto count = ::fread(buffer.data(), 1, buffer.size(), pipe))
    output.append(buffer.data(), count);
  if (::pclose(pipe) != 0) throw std::runtime_error{fmt::format("{}: {}", command, output)};
  return output;
}

PrivateEngine& PrivateEngine::shared() {
  static PrivateEngine engine;
  return engine;
}

PrivateEngine::PrivateEngine(char kind)
    : directory_{fmt::format("/tmp/{}{}-{}", directory_prefix, ::getpid(), kind)},
      name_{fmt::format("sw{}{}", kind, ::getpid())},
      first_engine_{environment("DOCKER_HOST")} {
  if (::geteuid() != 0)
    throw std::runtime_error{"a Docker Engine of a test's own needs root; run the tests as root"};
  if (first_engine_.empty()) first_engine_ = "unix:///var/run/docker.sock";
  const int link = (::getpid() * 2 + kind % 2) % links * 4;
  const auto address = [link](int host) {
    return fmt::format("198.{}.{}.{}", 18 + (link >> 16), link >> 8 & 255, (link & 255) + host);
  };
  gateway_ = address(1);
  own_address_ = address(2);
  remove_stale_directories();
  fs::create_directories(directory_ / "data");
  std::ofstream{directory_ / "daemon.json"} << "{}\n";
  make_namespaces();
  make_link();
}

void PrivateEngine::make_namespaces() {
  // The first process reaps whatever loses its parent there. /run is empty, so that no other
  // containerd is found.
  const auto script = fmt::format(
      "mount -t proc proc /proc && mount -t tmpfs tmpfs /run && ip link set lo up && : > '{}' && "
      "while :; do sleep 1000 & wait $!; done",
      (directory_ / "ready").string());
  outside_ = spawn({"env", "-u", HostCensus::variable, "unshare", "--fork", "--kill-child", "--pid",
                    "--mount", "--net", "--", "sh", "-c", script},
                   directory_ / "log");
  const bool ready = wait_for([this] { return fs::exists(directory_ / "ready"); }, 10s);
  init_ = child_of(outside_);
  if (!ready || init_ < 0)
    throw std::runtime_error{"namespaces for a Docker Engine could not be made: " + log()};
}

void PrivateEngine::make_link() {
  const auto inside = fmt::format("nsenter --target {} --net -- ip", init_);
  shell(
      fmt::format("PATH=$PATH:/usr/sbin:/sbin; ip link add {0} type veth peer name eth0 netns "
                  "{1} && ip addr add {2}/30 dev {0} && ip link set {0} up && {3} addr add "
                  "{4}/30 dev eth0 && {3} link set eth0 up && {3} route add default via {2}",
                  name_, init_, gateway_, inside, own_address_));
}

PrivateEngine::~PrivateEngine() {
  if (init_ > 0) ::kill(init_, SIGKILL);
  for (const pid_t child : {entering_, outside_}) {
    if (child <= 0) continue;
    ::kill(child, SIGCONT);
    ::waitpid(child, nullptr, 0);
  }
  std::error_code ignored;
  // What the namespaces had mounted goes a moment after their last process.
  wait_for([&] { return fs::remove_all(directory_, ignored) != static_cast<std::uintmax_t>(-1); },
           5s);
  forget_cgroups();
}

void PrivateEngine::forget_cgroups() const {
  std::error_code ignored;
  std::vector<fs::path> roots{fs::path{"/sys/fs/cgroup"} / name_};
  for (const auto& controller : fs::directory_iterator{"/sys/fs/cgroup", ignored})
    roots.push_back(controller.path() / name_);
  for (const auto& root : roots) {
    if (!fs::is_directory(root, ignored)) continue;
    std::vector<fs::path> groups{root};
    for (const auto& entry : fs::recursive_directory_iterator{root, ignored})
      if (entry.is_directory()) groups.push_back(entry.path());
    while (!groups.empty()) {
      ::rmdir(groups.back().c_str());
      groups.pop_back();
    }
  }
}

void PrivateEngine::mount_data(int mib) {
  const auto small = (directory_ / "small").string();
  fs::create_directories(small);
  shell(
      fmt::format("nsenter --target {0} --mount -- sh -c 'umount \"{1}\" 2>/dev/null; mount -t "
                  "tmpfs -o size={2}m tmpfs \"{1}\"'",
                  init_, small, mib));
}

std::vector<std::string> PrivateEngine::command(const Options& options) const {
  std::vector<std::string> words{
      "dockerd",
      // The documented socket is there as well, for jobs that mount it.
      "--host", host(), "--host", "unix:///var/run/docker.sock", "--group", "root", "--config-file",
      (directory_ / "daemon.json").string(), "--data-root",
      (directory_ / (options.data_mib > 0 ? "small" : "data")).string(), "--cgroup-parent",
      "/" + name_, "--exec-opt", "native.cgroupdriver=cgroupfs", "--insecure-registry",
      link_network, "--bip", "172.31.255.1/24"};
  if (options.live_restore) words.push_back("--live-restore");
  if (!options.address_pool.empty()) {
    words.push_back("--default-address-pool");
    words.push_back(options.address_pool);
  }
  words.insert(words.end(), options.more.begin(), options.more.end());
  return words;
}

void PrivateEngine::launch(const Options& options) {
  if (running()) throw std::logic_error{"dockerd runs already"};
  options_ = options;
  if (options.data_mib > 0) mount_data(options.data_mib);
  // A dockerd that was killed leaves its own; the process of that number may be another one now.
  shell(fmt::format("nsenter --target {} --mount -- rm -f /run/docker.pid", init_));
  std::vector<std::string> words{"env",     "-u",       HostCensus::variable,
                                 "nsenter", "--target", fmt::format("{}", init_),
                                 "--pid",   "--mount",  "--net",
                                 "--"};
  for (auto& word : command(options)) words.push_back(std::move(word));
  entering_ = spawn(std::move(words), directory_ / "log");
  const bool there = wait_for([this] { return child_of(entering_) > 0 || !running(); }, 5s);
  dockerd_ = there && entering_ > 0 ? child_of(entering_) : -1;
  if (dockerd_ < 0) throw std::runtime_error{"dockerd could not be started: " + log()};
}

void PrivateEngine::start(const Options& options) {
  launch(options);
  const bool there = wait_for([this] { return answers() || !running(); }, start_limit);
  if (!there || !running()) throw std::runtime_error{"dockerd did not start: " + log()};
}

bool PrivateEngine::running() {
  if (entering_ < 0) return false;
  if (::waitpid(entering_, nullptr, WNOHANG) == 0) return true;
  entering_ = dockerd_ = -1;
  return false;
}

void PrivateEngine::signal(int number) {
  if (!running()) return;
  ::kill(dockerd_, number);
  // nsenter stops together with its child, and would stop it anew.
  if (number == SIGCONT) ::kill(entering_, number);
}

void PrivateEngine::stop() {
  signal(SIGCONT);
  signal(SIGTERM);
  if (!wait_for([this] { return !running(); }, stop_limit)) {
    signal(SIGKILL);
    wait_for([this] { return !running(); }, 5s);
    throw std::runtime_error{"dockerd did not end: " + log()};
  }
}

std::string PrivateEngine::inside(const std::string& command) const {
  return shell(
      fmt::format("nsenter --target {} --pid --mount --net -- sh -c '{}'", init_, command));
}

void PrivateEngine::lose_power() {
  // All but the caller and the namespaces' first process.
  inside("kill -KILL -1");
  wait_for([this] { return !running(); }, stop_limit);
  inside("umount -l /run && mount -t tmpfs tmpfs /run");
}

bool PrivateEngine::answers() const {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  socket().copy(address.sun_path, sizeof address.sun_path - 1);
  std::string answer;
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    constexpr std::string_view request = "GET /_ping HTTP/1.0\r\n\r\n";
    pollfd ready{fd, POLLIN, 0};
    std::array<char, 1024> buffer;
    if (::send(fd, request.data(), request.size(), MSG_NOSIGNAL) > 0 && ::poll(&ready, 1, 1000) > 0)
      if (const auto count = ::recv(fd, buffer.data(), buffer.size(), 0); count > 0)
        answer.assign(buffer.data(), static_cast<std::size_t>(count));
  }
  ::close(fd);
  return answer.find(" 200 ") != std::string::npos;
}

void PrivateEngine::need_image(const std::string& name) {
  const auto found = shell(fmt::format(
      "curl -s -o /dev/null -w '%{{http_code}}' --unix-socket '{}' http://engine/images/{}/json",
      socket(), name));
  if (found == "200") return;
  const auto copy = [&] { return copy_image(first_engine_, socket(), name); };
  run_test(copy, 120s);
}

std::string PrivateEngine::data_root() const {
  const auto path = directory_ / (options_.data_mib > 0 ? "small" : "data");
  return fmt::format("/proc/{}/root{}", init_, path.string());
}

std::string PrivateEngine::log() const {
  std::ifstream file{directory_ / "log"};
  std::string text{std::istreambuf_iterator<char>{file}, {}};
  return text.size() > shown_log ? text.substr(text.size() - shown_log) : text;
}

}  // namespace slipway::tests
