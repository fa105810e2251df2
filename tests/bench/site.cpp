#include "tests/bench/site.hpp"

#include <fmt/format.h>
#include <signal.h>

#include <boost/asio/this_coro.hpp>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/bench/trace_lines.hpp"
#include "util/async.hpp"

namespace slipway::bench {

namespace {

using namespace std::chrono_literals;

constexpr auto poll_limit = 60s;
constexpr auto end_limit = 60s;
constexpr auto stop_limit = 60s;
constexpr auto look_again = 5ms;

std::string quoted_list(const std::vector<std::string>& values) {
  std::string text;
  for (const auto& value : values) text += fmt::format("{}\"{}\"", text.empty() ? "" : ", ", value);
  return text;
}

}  // namespace

double JobEnd::number(const std::string& name) const {
  const auto field = fields.find(name);
  return field == fields.end() ? 0 : std::stod(field->second);
}

Site::Site(Lab& lab, SiteOptions options) : lab_{lab}, options_{std::move(options)} {
  static int number = 0;
  directory_ = lab_.scratch() / fmt::format("site{}", ++number);
  std::filesystem::create_directories(directory_);
}

Site::~Site() = default;

std::string Site::config_text(const std::string& url) const {
  auto text = fmt::format("concurrent = {}\ncheck_interval = 3\n", options_.concurrent);
  for (int i = 0; i < options_.runners; ++i) {
    text += fmt::format(
        "\n[[runners]]\n  name = \"bench {}\"\n  url = \"{}\"\n  token = \"{}\"\n"
        "  executor = \"{}\"\n  output_limit = {}\n",
        i, url, lab_.runner_token(i), options_.executor, options_.output_limit_kib);
    if (options_.executor != "docker") {
      text += fmt::format("  builds_dir = \"{}\"\n", (directory_ / "builds").string());
      continue;
    }
    text += fmt::format(
        "  [runners.docker]\n    image = \"{}\"\n    privileged = {}\n"
        "    pull_policy = [\"if-not-present\"]\n    volumes = [{}]\n",
        options_.image, options_.privileged, quoted_list(options_.volumes));
    if (!options_.docker_host.empty())
      text += fmt::format("    host = \"{}\"\n", options_.docker_host);
    if (!options_.dind.empty()) text += "    [runners.docker.dind]\n" + options_.dind + "\n";
  }
  return text;
}

asio::awaitable<void> Site::start() {
  gitlab_ = std::make_unique<local::Coordinator>(lab_.executor(), local::CoordinatorOptions{});
  net::Endpoint endpoint;
  endpoint.host = lab_.gateway();
  const auto port = gitlab_->listen(endpoint);
  const auto url = fmt::format("http://{}:{}", lab_.gateway(), port);
  gitlab_->set_external_url(url);
  gitlab_->add_repository(Lab::project, lab_.repository());
  for (int i = 0; i < options_.runners; ++i)
    gitlab_->add_runner(util::Secret{lab_.runner_token(i)});
  tasks_ = std::make_unique<util::TaskGroup>(lab_.executor());
  tasks_->start(gitlab_->run());
  const auto config = directory_ / "config.toml";
  std::ofstream{config} << config_text(url);
  const std::vector<std::string> arguments{(lab_.options().programs / "slipway").string(), "run",
                                           "--config", config.string()};
  const std::vector<std::string> environment{"NO_COLOR=1"};
  daemon_ = std::make_unique<Process>(arguments, environment, directory_ / "log");
  co_await polls_held(static_cast<std::size_t>(options_.runners));
}

asio::awaitable<void> Site::stop() {
  int code = 0;
  if (daemon_) code = co_await daemon_->end(SIGQUIT, stop_limit);
  if (tasks_) {
    tasks_->cancel();
    co_await tasks_->join();
  }
  if (lab_.options().verbose) say("the daemon's log:\n" + daemon_log());
  if (code != 0) throw WrongResult{fmt::format("slipway run ended with exit code {}", code)};
}

std::string Site::daemon_log() const {
  std::ifstream in{directory_ / "log"};
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

asio::awaitable<void> Site::polls_held(std::size_t count) {
  const auto until = Clock::now() + poll_limit;
  while (gitlab_->waiting_polls() < count) {
    if (!daemon_->running()) throw WrongResult{"slipway run ended:\n" + daemon_log()};
    if (Clock::now() > until)
      throw WrongResult{
          fmt::format("only {} of {} runners ask for jobs", gitlab_->waiting_polls(), count)};
    co_await util::sleep_for(look_again);
  }
}

asio::awaitable<const local::JobRecord*> Site::run(nlohmann::json payload,
                                                   std::chrono::milliseconds limit) {
  co_await polls_held(1);
  const auto id = gitlab_->enqueue(std::move(payload));
  co_await gitlab_->wait_finished(id, limit);
  const auto& job = gitlab_->job(id);
  check(job);
  co_await ended(id);
  co_await lab_.settle();
  co_return &job;
}

void Site::check(const local::JobRecord& job) const {
  if (job.state == local::JobState::success && job.wrong_checksums == 0) return;
  const auto from = job.trace.size() > 3000 ? job.trace.size() - 3000 : 0;
  throw WrongResult{fmt::format("job {} ended as {} {}, {} wrong checksums; end of its log:\n{}",
                                job.id, local::to_string(job.state), job.failure_reason,
                                job.wrong_checksums, job.trace.substr(from))};
}

asio::awaitable<JobEnd> Site::ended(std::int64_t id) {
  const auto until = Clock::now() + end_limit;
  const auto key = fmt::format("job={}", id);
  while (true) {
    std::istringstream log{daemon_log()};
    for (std::string line; std::getline(log, line);) {
      if (line.find("job finished") == std::string::npos) continue;
      JobEnd end;
      std::istringstream words{line};
      for (std::string word; words >> word;)
        if (const auto equals = word.find('='); equals != std::string::npos)
          end.fields[word.substr(0, equals)] = word.substr(equals + 1);
      if (end.fields["job"] == std::to_string(id)) co_return end;
    }
    if (Clock::now() > until) throw WrongResult{"the daemon never said `job finished` of " + key};
    co_await util::sleep_for(look_again);
  }
}

asio::awaitable<void> with_site(Lab& lab, SiteOptions options, SiteBody body) {
  Site site{lab, std::move(options)};
  std::exception_ptr failure;
  try {
    co_await site.start();
    auto work = body(site);
    co_await std::move(work);
  } catch (...) {
    failure = std::current_exception();
  }
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  try {
    co_await site.stop();
  } catch (const WrongResult& error) {
    if (!failure) failure = std::current_exception();
    say(error.what());
  }
  co_await asio::this_coro::reset_cancellation_state(asio::enable_total_cancellation());
  if (failure) std::rethrow_exception(failure);
}

double job_milliseconds(const local::JobRecord& job) {
  if (!job.assigned_at || !job.finished_at) throw WrongResult{"the job has no end"};
  return milliseconds(*job.finished_at - *job.assigned_at);
}

void expect_line(const local::JobRecord& job, std::string_view line) {
  TraceLines lines{job.trace};
  while (lines.next())
    if (lines.text() == line) return;
  throw WrongResult{fmt::format("job {}: no line \"{}\" in its log", job.id, line)};
}

}  // namespace slipway::bench
