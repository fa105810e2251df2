#include "local/coordinator.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>

#include "local/artifacts.hpp"
#include "local/closable_server.hpp"
#include "local/git_backend.hpp"
#include "local/job_queue.hpp"
#include "local/reply.hpp"
#include "local/routes.hpp"
#include "local/runners.hpp"
#include "local/trace_endpoint.hpp"
#include "util/async.hpp"

namespace slipway::local {

namespace {

constexpr std::size_t max_json = 1u << 20;
constexpr std::size_t max_patch = 16u << 20;
constexpr std::size_t max_unauthorised = 64u << 10;
constexpr std::size_t max_calls = 10'000;
constexpr std::size_t max_unexpected = 1'000;
constexpr std::chrono::hours longest_hang{24};

bool is_git(Endpoint endpoint) {
  return endpoint == Endpoint::git_refs || endpoint == Endpoint::git_upload_pack;
}

net::Response reply_of(Answer answer) {
  auto reply = empty_reply(answer.status);
  reply.headers = std::move(answer.headers);
  if (!answer.content_type.empty() && !answer.body.empty())
    reply.headers.set("Content-Type", answer.content_type);
  if (answer.status != 204) reply.body = std::move(answer.body);
  return reply;
}

}  // namespace

/// The parts, and the way of a request through them: route, body, faults, token, endpoint, answer.
class Coordinator::Impl {
 public:
  Impl(asio::any_io_executor executor, CoordinatorOptions given)
      : options{std::move(given)},
        jobs{executor, options},
        runners{options.registration_token, options.first_runner_id},
        reports{jobs, options},
        git{executor, options.git_limit},
        presence_changed{executor},
        server{executor, [this](net::Exchange& exchange) { return serve(exchange); }} {}

  QueuedJob& job(std::int64_t id) {
    auto* found = jobs.find(id);
    if (!found) throw std::out_of_range{fmt::format("there is no job {}", id)};
    return *found;
  }

  CoordinatorOptions options;
  Faults faults;
  JobQueue jobs;
  Runners runners;
  JobReports reports;
  GitBackend git;
  Presence presence = Presence::there;
  Waiters presence_changed;
  ClosableServer server;
  std::string external_url;
  std::vector<UnexpectedRequest> unexpected;
  std::deque<Call> calls;
  std::map<Endpoint, std::size_t> counts;

 private:
  /// One request with its body, on its way to an endpoint.
  struct Incoming {
    const net::Request& head;
    Route route;
    std::string body;
    std::optional<nlohmann::json> object;  ///< endpoints that take JSON
    QueuedJob* job = nullptr;              ///< endpoints of a job: null when the token is not its
    QueuedJob* assigned = nullptr;         ///< request_job: handed out by this call
  };

  asio::awaitable<void> serve(net::Exchange& exchange);
  asio::awaitable<int> serve_route(net::Exchange& exchange, Route& route);
  asio::awaitable<int> serve_api(net::Exchange& exchange, Route& route);
  asio::awaitable<int> serve_git(net::Exchange& exchange, Route route);
  asio::awaitable<bool> read_body(net::Exchange& exchange, Incoming& incoming);
  asio::awaitable<net::Response> process(Incoming& incoming);
  asio::awaitable<net::Response> request_job(Incoming& incoming);
  net::Response job_endpoint(Incoming& incoming);
  asio::awaitable<int> send(net::Exchange& exchange, net::Response reply,
                            std::optional<Faults::Fault> fault);
  QueuedJob* authorised_job(const net::Request& head, std::int64_t id);
  bool may_fetch(const net::Request& head, const std::string& project);
  void note_unexpected(const net::Request& head, std::string why);
};

asio::awaitable<void> Coordinator::Impl::serve(net::Exchange& exchange) {
  Call call;
  call.at = options.now();
  call.request_id = exchange.request().headers.get("X-Request-Id");
  call.user_agent = exchange.request().headers.get("User-Agent");
  auto route = find_route(exchange.request());
  if (!route) {
    note_unexpected(exchange.request(), "no such endpoint");
    auto reply = message_reply(404);
    co_await exchange.respond(std::move(reply));
    co_return;
  }
  if (const auto delay = faults.take_delay(route->endpoint); delay.count() > 0)
    co_await util::sleep_for(delay);
  call.status = co_await serve_route(exchange, *route);
  call.endpoint = route->endpoint;
  ++counts[call.endpoint];
  if (calls.size() >= max_calls) calls.pop_front();
  calls.push_back(std::move(call));
}

asio::awaitable<int> Coordinator::Impl::serve_route(net::Exchange& exchange, Route& route) {
  if (presence == Presence::hanging) {
    // With the body read, the peer's going away is noticed.
    co_await exchange.read_body(max_patch);
    co_await presence_changed.wait(longest_hang);
    exchange.drop();
    co_return 0;
  }
  if (presence == Presence::failing) {
    auto reply = message_reply(503);
    co_await exchange.respond(std::move(reply));
    co_return 503;
  }
  if (!is_git(route.endpoint)) co_return co_await serve_api(exchange, route);
  if (presence != Presence::losing_answers) co_return co_await serve_git(exchange, route);
  exchange.drop();
  co_return 0;
}

asio::awaitable<int> Coordinator::Impl::serve_api(net::Exchange& exchange, Route& route) {
  Incoming incoming{exchange.request(), route, {}, {}, nullptr, nullptr};
  if (route.job_id != 0) incoming.job = authorised_job(incoming.head, route.job_id);
  if (!co_await read_body(exchange, incoming)) {
    // An endpoint of a job is closed to those without its token, whatever they send.
    const bool stranger = route.job_id != 0 && !incoming.job;
    auto reply = message_reply(stranger ? 403 : 413);
    const int status = reply.status;
    co_await exchange.respond(std::move(reply));
    co_return status;
  }
  if (route.endpoint == Endpoint::update_job && incoming.object) {
    const auto state = string_member(*incoming.object, "state");
    if (state == "success" || state == "failed") route.endpoint = Endpoint::finish_job;
  }
  auto fault = faults.take(route.endpoint, incoming.head, incoming.body);
  if (!fault && presence == Presence::losing_answers)
    fault = Faults::Fault{FaultPoint::after_processing, std::nullopt};
  if (fault && fault->point == FaultPoint::before_processing) {
    net::Response unused;
    co_return co_await send(exchange, std::move(unused), std::move(fault));
  }
  auto reply = co_await process(incoming);
  int status = 0;
  try {
    status = co_await send(exchange, std::move(reply), std::move(fault));
  } catch (...) {
    // The runner went away while it was being answered: it has no job.
    if (incoming.assigned) jobs.give_back(*incoming.assigned);
    throw;
  }
  co_return status;
}

asio::awaitable<bool> Coordinator::Impl::read_body(net::Exchange& exchange, Incoming& incoming) {
  auto limit = max_json;
  if (incoming.route.endpoint == Endpoint::patch_trace) limit = max_patch;
  if (incoming.route.endpoint == Endpoint::upload_artifacts) limit = options.max_artifact;
  if (incoming.route.job_id != 0 && !incoming.job) limit = max_unauthorised;
  try {
    incoming.body = co_await exchange.read_body(limit);
  } catch (const net::Error& error) {
    if (error.step() != net::Step::limit) throw;
    co_return false;
  }
  if (takes_json(incoming.route.endpoint)) incoming.object = parse_object(incoming.body);
  co_return true;
}

asio::awaitable<net::Response> Coordinator::Impl::process(Incoming& incoming) {
  const auto& route = incoming.route;
  if (takes_json(route.endpoint) && !incoming.object) {
    note_unexpected(incoming.head, "the body is no JSON object");
    co_return message_reply(400);
  }
  if (route.job_id != 0) co_return job_endpoint(incoming);
  const auto& object = *incoming.object;
  switch (route.endpoint) {
    case Endpoint::register_runner:
      co_return runners.register_runner(object);
    case Endpoint::verify_runner:
      co_return runners.verify(incoming.head, object);
    case Endpoint::unregister_runner:
      co_return runners.unregister(incoming.head, object);
    case Endpoint::unregister_manager:
      co_return runners.unregister_manager(incoming.head, object);
    case Endpoint::reset_token:
      co_return runners.reset_token(object);
    default:
      break;
  }
  co_return co_await request_job(incoming);
}

net::Response Coordinator::Impl::job_endpoint(Incoming& incoming) {
  if (!jobs.find(incoming.route.job_id)) return message_reply(404);
  if (!incoming.job) return message_reply(403);
  auto& job = *incoming.job;
  switch (incoming.route.endpoint) {
    case Endpoint::patch_trace:
      return reports.patch_trace(job, incoming.head, incoming.body);
    case Endpoint::upload_artifacts:
      return store_artifact(job.record, incoming.head, incoming.body);
    case Endpoint::download_artifacts:
      return send_artifact(job.record);
    default:
      break;
  }
  if (!same_secret(string_member(*incoming.object, "token"), job.record.token.reveal())) {
    note_unexpected(incoming.head, "the body's token differs from JOB-TOKEN");
    return message_reply(403);
  }
  return reports.update(job, incoming.head, *incoming.object, incoming.body);
}

asio::awaitable<net::Response> Coordinator::Impl::request_job(Incoming& incoming) {
  auto* runner = runners.authenticate(incoming.head, *incoming.object);
  if (!runner) co_return message_reply(403);
  ++runner->job_requests;
  runner->last_request = incoming.body;
  note_manager(*runner, *incoming.object);
  auto* job = co_await jobs.poll(*runner, *incoming.object);
  auto reply = empty_reply(job ? 201 : 204);
  if (runner->removed && !job) reply = message_reply(403);
  reply.headers.set("X-GitLab-Last-Update", jobs.version());
  if (job) {
    incoming.assigned = job;
    reply.headers.set("Content-Type", "application/json");
    reply.body = job->record.payload;
  }
  co_return reply;
}

asio::awaitable<int> Coordinator::Impl::serve_git(net::Exchange& exchange, Route route) {
  const auto& head = exchange.request();
  std::optional<std::size_t> cut_after;
  if (auto fault = faults.take(route.endpoint, head, {})) {
    if (fault->point != FaultPoint::mid_body) {
      net::Response unused;
      fault->point = FaultPoint::before_processing;
      co_return co_await send(exchange, std::move(unused), std::move(fault));
    }
    constexpr std::size_t first_bytes = 100;
    cut_after = first_bytes;
  }
  if (!may_fetch(head, route.git.project)) {
    auto reply = message_reply(401);
    reply.headers.set("WWW-Authenticate", "Basic realm=\"GitLab\"");
    co_await exchange.respond(std::move(reply));
    co_return 401;
  }
  co_return co_await git.serve(exchange, route.git, cut_after);
}

asio::awaitable<int> Coordinator::Impl::send(net::Exchange& exchange, net::Response reply,
                                             std::optional<Faults::Fault> fault) {
  if (!fault || fault->answer) {
    auto chosen = fault ? reply_of(std::move(*fault->answer)) : std::move(reply);
    const int status = chosen.status;
    co_await exchange.respond(std::move(chosen));
    co_return status;
  }
  if (fault->point == FaultPoint::mid_body) {
    // An empty answer is given a body that does not come.
    constexpr std::size_t promised = 16;
    const auto body = std::move(reply.body);
    reply.body.clear();
    reply.headers.set("Content-Length", std::to_string(std::max(body.size(), promised)));
    if (reply.status == 204) reply.status = 200;
    co_await exchange.begin(std::move(reply));
    const auto half = body.substr(0, body.size() / 2);
    if (!half.empty()) co_await exchange.write(half);
  }
  exchange.drop();
  co_return 0;
}

QueuedJob* Coordinator::Impl::authorised_job(const net::Request& head, std::int64_t id) {
  auto* job = jobs.find(id);
  if (!job || !job->record.assigned) return nullptr;
  return same_secret(head.headers.get("JOB-TOKEN"), job->record.token.reveal()) ? job : nullptr;
}

bool Coordinator::Impl::may_fetch(const net::Request& head, const std::string& project) {
  const auto credentials = parse_basic(head.headers.get("Authorization"));
  if (!credentials || credentials->user != "gitlab-ci-token") return false;
  const auto* job = jobs.by_token(credentials->password);
  return job && job->record.assigned && !is_final(job->record.state) && job->project == project &&
         git.knows(project);
}

void Coordinator::Impl::note_unexpected(const net::Request& head, std::string why) {
  constexpr std::size_t longest = 200;
  // Without the query: a token may stand there.
  const auto path = head.target.substr(0, std::min(head.target.find('?'), longest));
  spdlog::warn("coordinator: unexpected request method={} path={} why=\"{}\"", head.method, path,
               why);
  if (unexpected.size() < max_unexpected)
    unexpected.push_back({head.method, head.target, std::move(why)});
}

Coordinator::Coordinator(asio::any_io_executor executor, CoordinatorOptions options)
    : impl_{std::make_unique<Impl>(std::move(executor), std::move(options))} {}
Coordinator::~Coordinator() = default;

std::uint16_t Coordinator::listen(net::Endpoint endpoint) {
  const bool secure = endpoint.scheme == net::Endpoint::Scheme::https;
  const auto port = impl_->server.listen(std::move(endpoint));
  if (impl_->external_url.empty() && port != 0)
    impl_->external_url = fmt::format("{}://127.0.0.1:{}", secure ? "https" : "http", port);
  return port;
}

asio::awaitable<void> Coordinator::run() {
  return impl_->server.run();
}

void Coordinator::set_external_url(std::string url) {
  impl_->external_url = std::move(url);
}
const std::string& Coordinator::external_url() const {
  return impl_->external_url;
}

std::int64_t Coordinator::enqueue(nlohmann::json payload) {
  return impl_->jobs.enqueue(std::move(payload), impl_->external_url);
}

const JobRecord& Coordinator::job(std::int64_t id) const {
  return impl_->job(id).record;
}
std::vector<std::int64_t> Coordinator::job_ids() const {
  return impl_->jobs.ids();
}

asio::awaitable<void> Coordinator::wait_finished(std::int64_t id, std::chrono::milliseconds limit) {
  std::function<bool(const JobRecord&)> finished = [](const JobRecord& job) {
    return is_final(job.state);
  };
  co_await wait_until(id, std::move(finished), limit);
}

asio::awaitable<void> Coordinator::wait_until(std::int64_t id,
                                              std::function<bool(const JobRecord&)> condition,
                                              std::chrono::milliseconds limit) {
  auto& job = impl_->job(id);
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!condition(job.record)) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    if (left.count() <= 0) throw util::TimeoutError{limit};
    co_await job.changed.wait(left);
  }
}

void Coordinator::on_trace(std::function<void(std::int64_t, std::string_view)> sink) {
  impl_->reports.on_trace(std::move(sink));
}

void Coordinator::set_payload_filter(std::function<std::string(std::string)> filter) {
  impl_->jobs.set_payload_filter(std::move(filter));
}

void Coordinator::cancel(std::int64_t id, bool graceful) {
  impl_->jobs.cancel(impl_->job(id), graceful);
}

void Coordinator::set_presence(Presence presence) {
  impl_->presence = presence;
  impl_->presence_changed.notify();
  if (presence == Presence::refusing)
    impl_->server.close();
  else
    impl_->server.open();
}

void Coordinator::cut_trace(std::int64_t id, std::uint64_t keep) {
  impl_->reports.cut_trace(impl_->job(id), keep);
}

const std::deque<RunnerRecord>& Coordinator::runners() const {
  return impl_->runners.list();
}

std::int64_t Coordinator::add_runner(util::Secret token, std::vector<std::string> tags,
                                     bool run_untagged) {
  return impl_->runners.add(std::move(token), std::move(tags), run_untagged);
}

std::size_t Coordinator::waiting_polls() const {
  return impl_->jobs.waiting_polls();
}

void Coordinator::pause_runner(std::int64_t id, bool paused) {
  auto* runner = impl_->runners.by_id(id);
  if (!runner) throw std::out_of_range{fmt::format("there is no runner {}", id)};
  runner->paused = paused;
  impl_->jobs.wake_polls();
}

void Coordinator::add_repository(std::string project_path, std::filesystem::path bare_repository) {
  impl_->git.add(std::move(project_path), std::move(bare_repository));
}

Faults& Coordinator::faults() {
  return impl_->faults;
}

const std::vector<UnexpectedRequest>& Coordinator::unexpected_requests() const {
  return impl_->unexpected;
}

const std::deque<Call>& Coordinator::calls() const {
  return impl_->calls;
}

std::size_t Coordinator::count(Endpoint endpoint) const {
  const auto count = impl_->counts.find(endpoint);
  return count == impl_->counts.end() ? 0 : count->second;
}

}  // namespace slipway::local
