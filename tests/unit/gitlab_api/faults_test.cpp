// Faults of coordinators and of the network between.

#include <dlfcn.h>
#include <gmock/gmock.h>
#include <netdb.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "fake_coordinator.hpp"
#include "tests/fakes/certificates.hpp"
#include "tests/fakes/run_test.hpp"
#include "util/async.hpp"
#include "util/event.hpp"

namespace {

/// What the name `git.slipway.test` stands for; "" = the resolver has no answer for now.
std::string& test_address() {
  static std::string address;
  return address;
}

}  // namespace

/// In place of the C library's: knows one name more.
extern "C" int getaddrinfo(const char* host, const char* service, const addrinfo* hints,
                           addrinfo** found) {
  using Function = int (*)(const char*, const char*, const addrinfo*, addrinfo**);
  static const auto real = reinterpret_cast<Function>(::dlsym(RTLD_NEXT, "getaddrinfo"));
  if (host == nullptr || std::strcmp(host, "git.slipway.test") != 0)
    return real(host, service, hints, found);
  if (test_address().empty()) return EAI_AGAIN;
  return real(test_address().c_str(), service, hints, found);
}

namespace slipway::gitlab_api {
namespace {

using namespace std::chrono_literals;
using testing::FakeCoordinator;
using ::testing::HasSubstr;
using testing::json_reply;
using ::testing::Not;
using testing::Reply;
using testing::run_with_coordinator;
using Task = asio::awaitable<void>;
using Kind = JobRequestResult::Kind;

const util::Secret job_token{"glcbt-64_job"};

TEST(CoordinatorFaults, Fault04AHtmlPageOfAProxyIsAFailureAndNothingMore) {
  run_with_coordinator([](FakeCoordinator& fake) -> Task {
    const std::string page = "<html><h1>502 Bad Gateway</h1>" + std::string(100'000, 'x');
    const Reply bad{502, {{"Content-Type", "text/html"}}, page};
    Client client{fake.executor(), fake.options()};
    fake.script(std::vector<Reply>(15, bad));
    const auto request = co_await client.request_job();
    EXPECT_EQ(request.kind, Kind::failed);
    EXPECT_TRUE(request.healthy());
    EXPECT_THAT(request.call.text, ::testing::EndsWith("502 Bad Gateway"));
    const auto patch = co_await client.patch_trace(1, job_token, 0, "x", false);
    EXPECT_EQ(patch.kind, PatchResult::Kind::failed);
    EXPECT_TRUE(is_passing(patch.http_status));
    EXPECT_FALSE(patch.signals.abort);
    const JobUpdate update{"success"};
    const auto end = co_await client.update_job(1, job_token, update);
    EXPECT_EQ(end.kind, UpdateResult::Kind::failed);
    EXPECT_THAT(end.text, Not(HasSubstr("<html>")));
  });
}

/// Runs `test` against a coordinator with TLS that its clients trust.
void run_with_tls(Task (*test)(FakeCoordinator&, ClientOptions)) {
  tests::run_test([test]() -> Task {
    const tests::CertificateAuthority ca;
    const auto identity = ca.issue();
    net::TlsOptions tls;
    tls.certificate = identity.certificate;
    tls.key = identity.key;
    FakeCoordinator fake{co_await asio::this_coro::executor, tls};
    auto options = fake.options();
    options.ca_file = ::testing::TempDir() + "faults_ca_" + std::to_string(::getpid()) + ".pem";
    std::ofstream{options.ca_file} << ca.certificate();
    auto serving = fake.serve();
    auto testing = test(fake, options);
    const auto first = co_await util::first_of(std::move(serving), std::move(testing));
    EXPECT_EQ(first, 1u);
    std::filesystem::remove(options.ca_file);
  });
}

Task reset_in_the_middle(FakeCoordinator& fake, ClientOptions options) {
  Client client{fake.executor(), std::move(options)};
  auto cut = json_reply(201, R"({"id":1,"token":"glcbt-)");
  cut.how = Reply::How::cut;
  fake.script({cut, {204, {}, ""}});
  auto request = co_await client.request_job();
  EXPECT_EQ(request.kind, Kind::failed) << "half a job is none";
  EXPECT_TRUE(request.healthy());
  request = co_await client.request_job();
  EXPECT_EQ(request.kind, Kind::none) << "on a fresh connection: " << request.call.text;
  // The status was there: what follows it says no more.
  Reply patched{202, {{"X-GitLab-Trace-Update-Interval", "7"}}, "1", Reply::How::cut};
  fake.script({patched});
  const std::string content(300'000, 'x');
  const auto patch = co_await client.patch_trace(1, job_token, 0, content, false);
  EXPECT_EQ(patch.kind, PatchResult::Kind::accepted);
  EXPECT_EQ(patch.offset, content.size());
  EXPECT_EQ(patch.signals.update_interval, 7s);
  // Without any answer nothing is known.
  fake.script({{0, {}, "", Reply::How::close}, {0, {}, "", Reply::How::close}});
  const auto lost = co_await client.patch_trace(1, job_token, 0, content, false);
  EXPECT_EQ(lost.kind, PatchResult::Kind::failed);
  EXPECT_EQ(lost.http_status, 0);
  EXPECT_TRUE(is_passing(lost.http_status));
}

TEST(CoordinatorFaults, Fault05TlsResetInTheMiddleOfAnAnswer) {
  run_with_tls(reset_in_the_middle);
}

Task look_up_again(FakeCoordinator& here, FakeCoordinator& there, util::Event& stop_here) {
  auto options = here.options();
  options.url = "http://git.slipway.test:" + std::to_string(here.port());
  Client client{here.executor(), std::move(options)};
  test_address() = "";
  auto result = co_await client.request_job();
  EXPECT_EQ(result.kind, Kind::failed);
  EXPECT_TRUE(result.healthy());
  EXPECT_THAT(result.call.text, HasSubstr("look up git.slipway.test"));
  test_address() = "127.0.0.1";
  here.script({{204, {}, ""}});
  result = co_await client.request_job();
  EXPECT_EQ(result.kind, Kind::none) << result.call.text;
  // It moves, and the kept connection ends with the old server.
  test_address() = "127.0.0.2";
  stop_here.set();
  co_await util::sleep_for(50ms);
  there.script({{204, {}, ""}});
  result = co_await client.request_job();
  EXPECT_EQ(result.kind, Kind::none) << result.call.text;
  EXPECT_EQ(here.seen.size(), 1u);
  EXPECT_EQ(there.seen.size(), 1u);
}

TEST(CoordinatorFaults, Fault07TheNameIsUnknownForAWhileAndThenStandsForAnother) {
  tests::run_test([]() -> Task {
    const auto executor = co_await asio::this_coro::executor;
    FakeCoordinator here{executor};
    FakeCoordinator there{executor, {}, here.port(), "127.0.0.2"};
    util::Event stop_here{executor};
    const auto until_stopped = [](FakeCoordinator& server, util::Event& stop) -> Task {
      auto serving = server.serve();
      auto stopped = stop.wait();
      co_await util::first_of(std::move(serving), std::move(stopped));
      util::Event never{co_await asio::this_coro::executor};
      co_await never.wait();
    };
    const auto ignore = [](asio::awaitable<std::size_t> work) -> Task { co_await std::move(work); };
    auto first = until_stopped(here, stop_here);
    auto second = there.serve();
    auto both = util::first_of(std::move(first), std::move(second));
    auto serving = ignore(std::move(both));
    auto testing = look_up_again(here, there, stop_here);
    const auto ended = co_await util::first_of(std::move(serving), std::move(testing));
    EXPECT_EQ(ended, 1u);
  });
}

TEST(CoordinatorFaults, Fault16AHugePayloadIsReadWholeAndInTime) {
  run_with_coordinator([](FakeCoordinator& fake) -> Task {
    nlohmann::json payload{{"id", 7}, {"token", "glcbt-64_job"}, {"unknown", {{"a", {1, 2}}}}};
    auto& variables = payload["variables"];
    for (int i = 0; i < 10'000; ++i)
      variables.push_back({{"key", "V" + std::to_string(i)},
                           {"value", "${V" + std::to_string(i - 1) + "}x"},
                           {"new_flag", true}});
    variables[0]["value"] = "start";
    payload["steps"] = {{{"name", "script"}, {"script", {std::string(4u << 20, 's')}}}};
    fake.script({json_reply(201, payload.dump())});
    Client client{fake.executor(), fake.options()};
    const auto begin = std::chrono::steady_clock::now();
    const auto result = co_await client.request_job();
    EXPECT_EQ(result.kind, Kind::job) << result.call.text;
    if (!result.job) co_return;
    EXPECT_EQ(result.job->steps.at(0).script.at(0).size(), 4u << 20);
    EXPECT_EQ(result.job->variables.list().size(), 10'000u);
    EXPECT_EQ(result.job->variables.expanded().get("V1"), "startx");
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
  });
}

}  // namespace
}  // namespace slipway::gitlab_api
