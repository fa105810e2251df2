#include "service_fixture.hpp"

#include <nlohmann/json.hpp>

namespace slipway::runner {

std::string ServiceTest::add_runner(std::vector<std::string> tags) {
  const bool untagged = tags.empty();
  gitlab.add_runner({}, std::move(tags), untagged);
  config::Runner runner;
  runner.name = "r" + std::to_string(options.config.runners.size());
  runner.url = client().options().url;
  runner.token = gitlab.runners().back().token;
  runner.executor = "docker";
  runner.docker.emplace();
  runner.docker->host = "unix://" + (dir.path() / "no-engine.sock").string();
  options.config.runners.push_back(std::move(runner));
  return options.config.runners.back().token.reveal();
}

std::vector<ServiceTest::Request> ServiceTest::requests() const {
  return requests_;
}

asio::awaitable<void> ServiceTest::requests_made(std::size_t count) {
  for (int i = 0; requests_.size() < count; ++i) {
    if (i > 2000) throw util::TimeoutError{10s};
    co_await util::sleep_for(5ms);
  }
}

asio::awaitable<void> ServiceTest::taken(std::int64_t id) {
  for (int i = 0; !gitlab.job(id).assigned_at; ++i) {
    if (i > 2000) throw util::TimeoutError{10s};
    co_await util::sleep_for(5ms);
  }
}

asio::awaitable<void> ServiceTest::serve(ServiceTest& fixture) {
  auto& f = fixture;
  if (f.options.config.concurrent < 1) f.options.config.concurrent = 1;
  f.options.state_dir = f.dir.path() / "state";
  f.options.helper_binary = "/bin/true";
  f.options.system_id = "s_000000000001";
  f.gitlab.faults().set_hook(
      Endpoint::request_job,
      [&f](const net::Request& head, std::string_view) -> std::optional<local::Answer> {
        f.requests_.push_back({head.headers.get("RUNNER-TOKEN"), std::chrono::steady_clock::now()});
        return std::nullopt;
      });
  f.service_ = std::make_unique<Service>(f.io.get_executor(), f.options);
  const auto ignore = [](asio::awaitable<int> running) -> asio::awaitable<void> {
    co_await std::move(running);
  };
  const auto test = [](ServiceTest& of) -> asio::awaitable<void> {
    std::exception_ptr failure;
    try {
      co_await std::move(of.body_);
    } catch (const std::exception&) {
      failure = std::current_exception();
    }
    of.service_->abort("test");
    if (failure) std::rethrow_exception(failure);
  };
  auto running = f.service_->run();
  auto serving = ignore(std::move(running));
  auto testing = test(f);
  co_await util::both(std::move(serving), std::move(testing));
  // Its connections at rest would keep the io_context for a while.
  f.service_.reset();
}

}  // namespace slipway::runner
