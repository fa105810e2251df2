#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <optional>

#include "fake_coordinator.hpp"
#include "gitlab_api/client.hpp"
#include "tests/fakes/certificates.hpp"
#include "tests/fakes/run_test.hpp"
#include "util/async.hpp"

namespace slipway::gitlab_api {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using testing::FakeCoordinator;
using ::testing::HasSubstr;
using testing::json_reply;
using ::testing::Not;
using testing::Reply;
using testing::run_with_coordinator;
using Task = asio::awaitable<void>;

const JobUpdate running{"running"};

const util::Secret job_token{"glcbt-64_job"};

TEST(Retry, Fault03Edge2RetryAfterIsHonoured) {
  run_with_coordinator([](FakeCoordinator& fake) -> Task {
    fake.script({{429, {{"Retry-After", "1"}}, ""}, {204, {{"X-Request-Id", "theirs"}}, ""}});
    Client client{fake.executor(), fake.options()};
    const auto result = co_await client.request_job();
    EXPECT_EQ(result.kind, JobRequestResult::Kind::none);
    EXPECT_EQ(result.call.attempts, 2);
    EXPECT_EQ(result.call.correlation_id, "theirs");
    EXPECT_THAT(fake.sleeps, ElementsAre(1s));
    EXPECT_EQ(fake.seen.at(0).headers.get("X-Request-Id"),
              fake.seen.at(1).headers.get("X-Request-Id"));
    EXPECT_EQ(fake.body(0), fake.body(1));
  });
}

TEST(Retry, Fault02Edge3FiveAttemptsThenTheLastAnswerCounts) {
  run_with_coordinator([](FakeCoordinator& fake) -> Task {
    const Reply busy{503, {}, ""};
    fake.script({busy, busy, busy, busy, busy});
    Client client{fake.executor(), fake.options()};
    const auto result = co_await client.request_job();
    EXPECT_EQ(result.kind, JobRequestResult::Kind::failed);
    EXPECT_EQ(result.call.status, Status::unavailable);
    EXPECT_TRUE(result.healthy());
    EXPECT_EQ(result.call.attempts, 5);
    EXPECT_EQ(fake.seen.size(), 5u);
    EXPECT_THAT(fake.sleeps, ElementsAre(100ms, 150ms, 250ms, 450ms));
  });
}

TEST(Retry, Edge4WhichStatusesAreRepeated) {
  run_with_coordinator([](FakeCoordinator& fake) -> Task {
    Client client{fake.executor(), fake.options()};
    for (const int status : {400, 401, 404, 409, 422, 501, 505, 511}) {
      fake.script({{status, {}, ""}});
      const auto result = co_await client.request_job();
      EXPECT_EQ(result.call.attempts, 1) << status;
      EXPECT_EQ(result.call.http_status, status);
    }
    for (const int status : {408, 429, 500, 502, 503, 504, 512, 599}) {
      fake.script({{status, {}, ""}, {204, {}, ""}});
      const auto result = co_await client.request_job();
      EXPECT_EQ(result.call.attempts, 2) << status;
    }
  });
}

TEST(Retry, Fault03Edge5WhichWaitWins) {
  const RetryClock clock{{},
                         [] { return std::chrono::sys_days{std::chrono::year{2026} / 1 / 2}; },
                         [] { return 0.5; }};
  const struct {
    const char* what;
    net::Headers headers;
    int attempt;
    std::chrono::milliseconds want;
  } cases[] = {
      {"backoff", {}, 0, 100ms},
      {"backoff grows", {}, 3, 450ms},
      {"backoff is capped", {}, 40, 30050ms},
      {"seconds", {{"Retry-After", "7"}}, 0, 7s},
      {"garbage, then seconds", {{"RateLimit-ResetTime", "soon"}, {"Retry-After", "2"}}, 0, 2s},
      {"date wins",
       {{"RateLimit-ResetTime", "Fri, 02 Jan 2026 00:00:05 GMT"}, {"Retry-After", "2"}},
       0,
       5s},
      {"past date", {{"RateLimit-ResetTime", "Thu, 01 Jan 2026 00:00:00 GMT"}}, 0, 100ms},
      {"no such day", {{"RateLimit-ResetTime", "Fri, 31 Feb 2026 00:00:05 GMT"}}, 0, 100ms},
      {"date form", {{"Retry-After", "Fri, 02 Jan 2026 00:00:05 GMT"}}, 0, 100ms},
      {"zero", {{"Retry-After", "0"}}, 0, 100ms},
      {"negative", {{"Retry-After", "-3"}}, 0, 100ms},
      {"absurd", {{"Retry-After", "99999999999999"}}, 0, 24h},
  };
  for (const auto& c : cases) EXPECT_EQ(retry_wait(c.headers, c.attempt, clock), c.want) << c.what;
}

TEST(Redirect, Edge6SameMethodBodyAndTokensOnTheOrigin) {
  run_with_coordinator([](FakeCoordinator& fake) -> Task {
    Client client{fake.executor(), fake.options()};
    for (const int status : {307, 308}) {
      fake.seen.clear();
      fake.script({{status, {{"Location", "/elsewhere/trace?x=1"}}, ""},
                   {status, {{"Location", fake.url() + "/again"}}, ""},
                   {status, {{"Location", "sub/last"}}, ""},
                   {202, {}, ""}});
      const auto result = co_await client.patch_trace(1, job_token, 10, "body", false);
      EXPECT_EQ(result.kind, PatchResult::Kind::accepted);
      EXPECT_EQ(fake.seen.at(1).target, "/elsewhere/trace?x=1");
      EXPECT_EQ(fake.seen.at(2).target, "/again");
      EXPECT_EQ(fake.seen.at(3).target, "/sub/last");
      for (const auto& seen : fake.seen) {
        EXPECT_EQ(seen.method, "PATCH");
        EXPECT_EQ(seen.body, "body");
        EXPECT_EQ(seen.headers.get("JOB-TOKEN"), "glcbt-64_job");
        EXPECT_EQ(seen.headers.get("Content-Range"), "10-13");
        EXPECT_THAT(seen.headers.get("User-Agent"), HasSubstr("slipway"));
      }
    }
    fake.script({{307, {{"Location", "/put"}}, ""}, {200, {}, ""}});
    const auto update = co_await client.update_job(1, job_token, running);
    EXPECT_EQ(update.kind, UpdateResult::Kind::succeeded);
    EXPECT_EQ(fake.seen.back().method, "PUT");
    EXPECT_EQ(fake.seen.back().body, fake.seen.at(fake.seen.size() - 2).body);
  });
}

TEST(Redirect, OlderKindsBecomeGetWithoutBody) {
  run_with_coordinator([](FakeCoordinator& fake) -> Task {
    Client client{fake.executor(), fake.options()};
    for (const int status : {301, 302, 303}) {
      fake.script({{status, {{"Location", "/other"}}, ""}, {204, {}, ""}});
      co_await client.request_job();
      EXPECT_EQ(fake.seen.back().method, "GET");
      EXPECT_EQ(fake.seen.back().body, "");
      EXPECT_FALSE(fake.seen.back().headers.find("Content-Type"));
    }
  });
}

Task serve_other_origin(FakeCoordinator& fake) {
  FakeCoordinator other{fake.executor()};
  other.script({{202, {}, ""}});
  fake.script({{307, {{"Location", other.url() + "/x"}}, ""}});
  Client client{fake.executor(), fake.options()};
  auto call = [](Client& of) -> Task {
    const auto result = co_await of.patch_trace(1, job_token, 0, "body", false);
    EXPECT_EQ(result.kind, PatchResult::Kind::accepted) << result.text;
  };
  auto serving = other.serve();
  auto calling = call(client);
  co_await util::first_of(std::move(serving), std::move(calling));
  EXPECT_EQ(other.seen.size(), 1u);
  if (other.seen.empty()) co_return;
  EXPECT_EQ(other.seen[0].body, "body");
  EXPECT_FALSE(other.seen[0].headers.find("JOB-TOKEN"));
}

TEST(Redirect, TokensDoNotLeaveTheOrigin) {
  run_with_coordinator(serve_other_origin);
}

TEST(Redirect, EndsAtABadPlace) {
  run_with_coordinator([](FakeCoordinator& fake) -> Task {
    Client client{fake.executor(), fake.options()};
    const Reply loop{307, {{"Location", "/loop"}}, ""};
    fake.script({loop, loop, loop, loop, loop, loop, loop, loop, loop, loop, loop});
    auto result = co_await client.request_job();
    EXPECT_EQ(result.kind, JobRequestResult::Kind::failed);
    EXPECT_THAT(result.call.text, HasSubstr("10 redirects"));
    EXPECT_EQ(fake.seen.size(), 11u);
    fake.script({{302, {{"Location", "file:///etc/passwd"}}, ""}});
    result = co_await client.request_job();
    EXPECT_THAT(result.call.text, HasSubstr("not http or https"));
    fake.script({{302, {}, ""}});
    result = co_await client.request_job();
    EXPECT_EQ(result.call.http_status, 302);
  });
}

TEST(Answers, BadOnesAreResultsWithABoundedText) {
  const std::string html = "<html><title>502 Bad Gateway</title>" + std::string(100'000, 'x');
  const std::string evil =
      R"({"message":"\u001b[31m\nrunner glrt-runnerToken )" + std::string(5000, 'y') + "\"}";
  const struct {
    const char* what;
    Reply reply;
    int http;
    const char* text;
  } cases[] = {
      {"502 HTML", {502, {{"Content-Type", "text/html"}}, html}, 502, ": 502 Bad Gateway"},
      {"500 JSON", json_reply(500, R"({"message":"boom"})"), 500,
       ": 500 Internal Server Error (boom)"},
      {"hostile message", json_reply(422, evil), 422, "( [31m runner [MASKED] yyy"},
      {"message of another type", json_reply(400, R"({"message":[1,2]})"), 400,
       ": 400 Bad Request"},
      {"mid-body",
       {201, {{"Content-Type", "application/json"}}, R"({"id":1,)", Reply::How::cut},
       201,
       "incomplete"},
      {"closed", {200, {}, "", Reply::How::close}, 0, "/api/v4/jobs/request: "},
      {"deep JSON", json_reply(201, std::string(200'000, '[')), 201, "cannot be read"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    run_with_coordinator([&c](FakeCoordinator& fake) {
      return [](FakeCoordinator& coordinator, decltype(cases[0]) expected) -> Task {
        const int times = expected.http == 502 || expected.http == 500 ? 5 : 1;
        for (int i = 0; i < times; ++i) coordinator.script({expected.reply});
        Client client{coordinator.executor(), coordinator.options()};
        const auto result = co_await client.request_job();
        EXPECT_EQ(result.kind, JobRequestResult::Kind::failed);
        EXPECT_TRUE(result.healthy());
        EXPECT_EQ(result.call.http_status, expected.http);
        EXPECT_THAT(result.call.text, HasSubstr(expected.text));
        EXPECT_LT(result.call.text.size(), 1500u);
        EXPECT_THAT(result.call.text, Not(HasSubstr("glrt-runnerToken")));
        EXPECT_THAT(result.call.text, Not(HasSubstr("\x1b")));
      }(fake, c);
    });
  }
}

TEST(Answers, InvalidUtf8InAPayloadIsReplaced) {
  run_with_coordinator([](FakeCoordinator& fake) -> Task {
    fake.script({json_reply(201, "{\"id\":3,\"token\":\"t\",\"job_info\":{\"name\":\"a\xff\"}}")});
    Client client{fake.executor(), fake.options()};
    const auto result = co_await client.request_job();
    EXPECT_EQ(result.kind, JobRequestResult::Kind::job) << result.call.text;
    if (result.job) {
      EXPECT_EQ(result.job->info.name, "a\xEF\xBF\xBD");
    }
  });
}

TEST(Answers, HugeOnesAreNotRead) {
  run_with_coordinator([](FakeCoordinator& fake) -> Task {
    const std::string huge(4u << 20, ' ');
    fake.script({{202, {}, huge}, json_reply(200, huge), {200, {}, huge}});
    Client client{fake.executor(), fake.options()};
    const auto patch = co_await client.patch_trace(1, job_token, 0, "x", false);
    EXPECT_EQ(patch.kind, PatchResult::Kind::accepted) << "the status is enough";
    const auto verify = co_await client.verify_runner();
    EXPECT_EQ(verify.call.status, Status::ok) << "by the second try, which decodes nothing";
    EXPECT_EQ(verify.id, 0);
  });
}

TEST(Waits, NoAnswerWithinTheLimitIsAFailure) {
  run_with_coordinator([](FakeCoordinator& fake) -> Task {
    fake.script({{204, {}, "", Reply::How::hold, 500ms}});
    auto options = fake.options();
    options.response_header_timeout = 50ms;
    Client client{fake.executor(), std::move(options)};
    const auto result = co_await client.request_job();
    EXPECT_EQ(result.kind, JobRequestResult::Kind::failed);
    EXPECT_TRUE(result.healthy());
    EXPECT_EQ(result.call.http_status, 0);
    EXPECT_EQ(result.call.attempts, 1) << "transport errors are not repeated";
  });
}

Task request_once(Client& client) {
  const auto result = co_await client.request_job();
  ADD_FAILURE() << "not cancelled: " << result.call.text;
}

/// Starts a job request, cancels it after a moment, and waits for its end.
asio::awaitable<std::exception_ptr> cancelled_request(Client& client) {
  const auto executor = co_await asio::this_coro::executor;
  asio::cancellation_signal signal;
  std::optional<std::exception_ptr> end;
  asio::co_spawn(executor, request_once(client),
                 asio::bind_cancellation_slot(
                     signal.slot(), [&end](std::exception_ptr failure) { end = failure; }));
  co_await util::sleep_for(50ms);
  signal.emit(asio::cancellation_type::terminal);
  for (int i = 0; i < 100 && !end; ++i) co_await util::sleep_for(5ms);
  EXPECT_TRUE(end) << "still running";
  co_return end.value_or(nullptr);
}

void expect_aborted(const std::exception_ptr& failure) {
  EXPECT_TRUE(failure);
  if (!failure) return;
  try {
    std::rethrow_exception(failure);
  } catch (const boost::system::system_error& e) {
    EXPECT_EQ(e.code(), asio::error::operation_aborted);
  }
}

TEST(Waits, CancellationEndsALongPoll) {
  run_with_coordinator([](FakeCoordinator& fake) -> Task {
    fake.script({{204, {}, "", Reply::How::hold, 400ms}});
    Client client{fake.executor(), fake.options()};
    const auto end = co_await cancelled_request(client);
    expect_aborted(end);
  });
}

TEST(Waits, CancellationEndsTheWaitBeforeARetry) {
  run_with_coordinator([](FakeCoordinator& fake) -> Task {
    fake.script({{429, {{"Retry-After", "3600"}}, ""}});
    fake.real_sleep = true;
    Client client{fake.executor(), fake.options()};
    const auto end = co_await cancelled_request(client);
    expect_aborted(end);
  });
}

TEST(Connections, AreKept) {
  run_with_coordinator([](FakeCoordinator& fake) -> Task {
    fake.script({{204, {}, ""}, {204, {}, ""}});
    Client client{fake.executor(), fake.options()};
    co_await client.request_job();
    client.close_idle();
    const auto result = co_await client.request_job();
    EXPECT_EQ(result.kind, JobRequestResult::Kind::none);
  });
}

Task https_with_rotating_ca() {
  const tests::CertificateAuthority right, wrong;
  const auto identity = right.issue();
  net::TlsOptions tls;
  tls.certificate = identity.certificate;
  tls.key = identity.key;
  const auto executor = co_await asio::this_coro::executor;
  FakeCoordinator fake{executor, tls};
  const auto path =
      std::filesystem::temp_directory_path() / ("ca_test_" + std::to_string(::getpid()) + ".pem");
  auto calls = [](FakeCoordinator& coordinator, std::string file, std::string good,
                  std::string bad) -> Task {
    auto options = coordinator.options();
    options.ca_file = file;
    Client client{coordinator.executor(), std::move(options)};
    auto result = co_await client.request_job();
    EXPECT_EQ(result.kind, JobRequestResult::Kind::failed) << "no CA file yet";
    EXPECT_EQ(client.ca_content(), "");
    std::ofstream{file} << bad;
    result = co_await client.request_job();
    EXPECT_EQ(result.kind, JobRequestResult::Kind::failed) << "no fallback to unverified";
    EXPECT_EQ(coordinator.seen.size(), 0u);
    std::ofstream{file} << good;
    coordinator.script({{204, {}, ""}, {204, {}, ""}});
    result = co_await client.request_job();
    EXPECT_EQ(result.kind, JobRequestResult::Kind::none) << result.call.text;
    EXPECT_EQ(client.ca_content(), good);
    std::ofstream{file} << "not PEM, and longer or shorter";
    result = co_await client.request_job();
    EXPECT_EQ(result.kind, JobRequestResult::Kind::failed) << "a new connection, checked anew";
  };
  auto serving = fake.serve();
  auto calling = calls(fake, path.string(), right.certificate(), wrong.certificate());
  co_await util::first_of(std::move(serving), std::move(calling));
  std::remove(path.c_str());
}

TEST(Tls, Edge8AReplacedCaFileIsUsedByTheNextRequest) {
  tests::run_test(https_with_rotating_ca);
}

Task https_with_client_certificate() {
  const tests::CertificateAuthority authority;
  const auto server = authority.issue();
  tests::CertificateOptions for_client;
  for_client.for_client = true;
  const auto mine = authority.issue(for_client);
  net::TlsOptions tls;
  tls.certificate = server.certificate;
  tls.key = server.key;
  tls.ca = authority.certificate();
  const auto executor = co_await asio::this_coro::executor;
  FakeCoordinator fake{executor, tls};
  const auto base =
      (std::filesystem::temp_directory_path() / ("client_test_" + std::to_string(::getpid())))
          .string();
  std::ofstream{base + ".ca"} << authority.certificate();
  std::ofstream{base + ".crt"} << mine.certificate;
  std::ofstream{base + ".key"} << mine.key;
  auto calls = [](FakeCoordinator& coordinator, std::string files) -> Task {
    auto options = coordinator.options();
    options.ca_file = files + ".ca";
    Client without{coordinator.executor(), options};
    auto result = co_await without.request_job();
    EXPECT_EQ(result.kind, JobRequestResult::Kind::failed) << "the server wants a certificate";
    options.certificate_file = files + ".crt";
    options.key_file = files + ".key";
    coordinator.script({{204, {}, ""}});
    Client with{coordinator.executor(), options};
    result = co_await with.request_job();
    EXPECT_EQ(result.kind, JobRequestResult::Kind::none) << result.call.text;
    options.key_file = files + ".ca";
    Client unfit{coordinator.executor(), options};
    result = co_await unfit.request_job();
    EXPECT_EQ(result.kind, JobRequestResult::Kind::failed) << "goes on without it";
  };
  auto serving = fake.serve();
  auto calling = calls(fake, base);
  co_await util::first_of(std::move(serving), std::move(calling));
  for (const auto* suffix : {".ca", ".crt", ".key"}) std::remove((base + suffix).c_str());
}

TEST(Tls, ClientCertificate) {
  tests::run_test(https_with_client_certificate);
}

}  // namespace
}  // namespace slipway::gitlab_api
