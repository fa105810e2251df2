#include "cmd/slipway-demo/demo.hpp"

#include <fmt/format.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <random>
#include <stdexcept>

#include "local/payload.hpp"
#include "net/endpoint.hpp"
#include "net/error.hpp"
#include "util/async.hpp"

namespace slipway::demo {

namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr std::uint16_t usual_port = 8929;  // of GitLab's documentation for a second GitLab
constexpr auto project = "demo/dind-tls";
constexpr auto tag = "tls-docker-runner";
constexpr auto register_limit = 60s;
constexpr auto interrupt_grace = 5s;
/// The daemon takes containers down, and gives running ones 10 s.
constexpr auto drain_limit = 60s;
/// For what every child needs. Nothing else: `register` takes settings from the environment.
const std::vector<std::string> basic_variables{"PATH", "HOME", "LANG", "LC_ALL", "TMPDIR"};
const std::vector<std::string> engine_variables{"DOCKER_HOST", "DOCKER_TLS_VERIFY",
                                                "DOCKER_CERT_PATH", "DOCKER_API_VERSION"};

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string random_text() {
  std::random_device source;
  std::string text;
  for (int part = 0; part < 3; ++part) text += fmt::format("{:08x}", source());
  return text;
}

fs::path make_directory() {
  auto path = (fs::temp_directory_path() / "slipway-demo-XXXXXX").string();
  if (::mkdtemp(path.data()) == nullptr)
    throw std::system_error{errno, std::generic_category(), "make a directory " + path};
  return path;
}

std::string read_file(const fs::path& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

std::unique_ptr<docker_api::Client> make_engine(asio::any_io_executor executor) {
  auto host = environment("DOCKER_HOST");
  if (host.empty()) host = "unix:///var/run/docker.sock";
  const bool verify = !environment("DOCKER_TLS_VERIFY").empty();
  auto endpoint = docker_api::parse_host(host, verify, environment("DOCKER_CERT_PATH"));
  return std::make_unique<docker_api::Client>(executor, std::move(endpoint),
                                              docker_api::host_prefix(host));
}

/// The port that the documentation uses, or any if that is taken.
std::uint16_t listen(local::Coordinator& coordinator, net::Endpoint endpoint) {
  endpoint.port = usual_port;
  try {
    return coordinator.listen(endpoint);
  } catch (const net::Error&) {
    endpoint.port = 0;
  }
  return coordinator.listen(endpoint);
}

}  // namespace

Demo::Demo(asio::any_io_executor executor, Options options, const Screen& screen)
    : options_{std::move(options)},
      screen_{screen},
      directory_{make_directory()},
      program_{(fs::read_symlink("/proc/self/exe").parent_path() / "slipway").string()},
      registration_token_{random_text()},
      engine_{make_engine(executor)},
      log_{screen.colours(), [&screen](std::string_view text) { screen.write(text); }},
      tasks_{executor} {
  local::CoordinatorOptions coordinator;
  coordinator.registration_token = util::Secret{registration_token_};
  coordinator.trace_update_interval = 1s;  // so that the log shows how the job gets on
  coordinator_ = std::make_unique<local::Coordinator>(executor, std::move(coordinator));
}

Demo::~Demo() = default;

asio::awaitable<void> Demo::run() {
  co_await engine_->connect();
  helper_image_was_there_ = co_await image_exists("slipway-helper:" SLIPWAY_VERSION);
  const std::vector<std::string> everything;
  const std::function<void(const docker_api::EngineEvent&)> note =
      [this](const docker_api::EngineEvent& event) { record_.note(event); };
  tasks_.start(engine_->watch_events(everything, note));
  co_await start_coordinator();
  co_await register_runner();
  start_daemon();
  const auto id = enqueue_job();
  co_await wait_for_job(id);
  // It has reported the job; what it made for it is gone when it has ended.
  const int code = co_await daemon_->end(SIGQUIT, drain_limit);
  co_await stop_tasks();
  co_await sum_up(id);
  if (code != 0) throw std::runtime_error{fmt::format("slipway run ended with exit code {}", code)};
}

asio::awaitable<void> Demo::start_coordinator() {
  const auto bridge = co_await engine_->inspect_network("bridge");
  if (bridge.gateways.empty())
    throw std::runtime_error{
        "the Engine's default bridge has no gateway, at which the job's containers could reach the "
        "coordinator; the demo needs an Engine with a default bridge"};
  net::Endpoint endpoint;
  endpoint.host = bridge.gateways.front();
  std::string problem;
  try {
    endpoint.port = listen(*coordinator_, endpoint);
  } catch (const net::Error& error) {
    problem = error.what();
  }
  if (!problem.empty())
    throw std::runtime_error{fmt::format(
        "{}; the coordinator must listen at the gateway of the Engine's default bridge, so the "
        "Engine must run on this machine, and not rootless",
        problem)};
  coordinator_->set_external_url("http://" + endpoint.display());
  coordinator_->add_repository(project, options_.repository);
  tasks_.start(coordinator_->run());
  screen_.step(fmt::format(
      "the bundled coordinator listens at {}/ (the default bridge's gateway: containers reach it)",
      coordinator_->external_url()));
}

asio::awaitable<void> Demo::register_runner() {
  const auto url = coordinator_->external_url() + "/";
  std::vector<std::string> command{"slipway",
                                   "register",
                                   "-n",
                                   "--url",
                                   url,
                                   "--registration-token",
                                   registration_token_,
                                   "--executor",
                                   "docker",
                                   "--description",
                                   "My Docker Runner",
                                   "--tag-list",
                                   tag,
                                   "--docker-image",
                                   "docker:24.0.5-cli",
                                   "--docker-privileged",
                                   "--docker-volumes",
                                   "/certs/client"};
  if (!options_.stand_ins.empty()) {
    screen_.step(fmt::format(
        "{} {} made on this machine and no registry has them, so the runner must not pull: "
        "--docker-pull-policy if-not-present",
        join(options_.stand_ins), options_.stand_ins.size() == 1 ? "was" : "were"));
    command.insert(command.end(), {"--docker-pull-policy", "if-not-present"});
  }
  command.insert(command.end(), {"--config", config_path().string()});
  screen_.step("registering a runner (the token is random and good for this demo alone)");
  screen_.line(shell_text(command));
  command.front() = program_;
  const auto output = directory_ / "register.log";
  Child child{command, inherit(basic_variables), output};
  int code = 0;
  std::exception_ptr failure;
  try {
    auto end = child.wait();
    code = co_await util::with_timeout(std::move(end), register_limit);
  } catch (const util::TimeoutError&) {
    failure = std::make_exception_ptr(
        std::runtime_error{fmt::format("slipway register did not end within {} s:\n{}",
                                       register_limit.count(), read_file(output))});
  } catch (...) {
    failure = std::current_exception();
  }
  if (failure) {
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    co_await child.end(SIGINT, interrupt_grace);  // it undoes the registration
    std::rethrow_exception(failure);
  }
  screen_.write(read_file(output));
  if (code != 0)
    throw std::runtime_error{fmt::format("slipway register ended with exit code {}", code)};
  screen_.step(config_path().string());
  screen_.write(read_file(config_path()));
}

void Demo::start_daemon() {
  auto variables = inherit(basic_variables);
  for (auto& variable : inherit(engine_variables)) variables.push_back(std::move(variable));
  const std::vector<std::string> command{program_, "run", "--config", config_path().string()};
  screen_.step("running it: slipway run --config " + config_path().string());
  daemon_.emplace(command, variables, daemon_log());
}

std::int64_t Demo::enqueue_job() {
  const auto url = net::parse_url(coordinator_->external_url());
  const auto token = "glcbt-64_" + random_text();
  net::Endpoint server;
  server.host = url->host;
  server.port = url->port;
  const std::map<std::string, std::string> values{
      {"JOB_ID", "1"},
      {"JOB_TOKEN", token},
      {"RUNNER_ID", std::to_string(coordinator_->runners().front().id)},
      {"URL", coordinator_->external_url()},
      {"HOST", url->host},
      {"REPO_URL",
       fmt::format("http://gitlab-ci-token:{}@{}/{}.git", token, server.display(), project)},
      {"SHA", options_.commit},
      {"SHORT_SHA", options_.commit.substr(0, 8)}};
  auto payload = local::fill_template(read_file(options_.job), values);
  payload["x_tags"] = nlohmann::json::array({tag});
  coordinator_->on_trace([this](std::int64_t, std::string_view bytes) { log_.write(bytes); });
  screen_.step(fmt::format("offering it the job of {}; the job's log, as it arrives:",
                           options_.job.parent_path().filename().string()));
  return coordinator_->enqueue(std::move(payload));
}

asio::awaitable<void> Demo::wait_for_job(std::int64_t id) {
  auto finished = coordinator_->wait_finished(id, options_.limit);
  auto ended = daemon_ended();
  co_await util::first_of(std::move(finished), std::move(ended));
  log_.close();
}

/// Throws: the daemon has no reason to end before it is told to.
asio::awaitable<void> Demo::daemon_ended() {
  const int code = co_await daemon_->wait();
  throw std::runtime_error{
      fmt::format("slipway run ended before the job did, with exit code {}", code)};
}

asio::awaitable<bool> Demo::image_exists(std::string name) {
  bool found = true;
  try {
    co_await engine_->inspect_image(name);
  } catch (const docker_api::EngineError& error) {
    if (error.status() != 404) throw;
    found = false;
  }
  co_return found;
}

std::string Demo::state_id() const {
  std::string id;
  std::ifstream{directory_ / "state" / "id"} >> id;
  return id;
}

std::string Demo::daemon_log_end() const {
  constexpr std::size_t lines = 40;
  const auto text = read_file(daemon_log());
  auto begin = text.size();
  for (std::size_t count = 0; count <= lines && begin != std::string::npos && begin > 0; ++count)
    begin = text.rfind('\n', begin - 1);
  return begin == std::string::npos || begin == 0 ? text : text.substr(begin + 1);
}

asio::awaitable<void> Demo::stop_tasks() {
  tasks_.cancel();
  co_await tasks_.join();
}

}  // namespace slipway::demo
