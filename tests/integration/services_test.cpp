// Services, networks and volumes of jobs on a real Engine. The numbers are those of the edge cases,
// see docs/edge-cases.md.

#include <gmock/gmock.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/integration/fault_jobs.hpp"

namespace slipway::tests {
namespace {

using local::JobBuilder;
using local::JobState;
using local::ServiceSpec;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

constexpr auto waiting = "Waiting for services to be up and running (timeout 30 seconds)...";
constexpr auto warning = "probably didn't start properly";

class Services : public FaultJobs {
 protected:
  static constexpr auto own_image = "slipway-test-service:1";

  void TearDown() override {
    FaultJobs::TearDown();
    if (!made_) return;
    run([](docker_api::Client& engine) -> asio::awaitable<void> {
      std::string name = own_image;
      co_await engine.remove_image(std::move(name), true);
    });
  }

  /// The test image with the given lines of a Dockerfile.
  void make_image(std::vector<std::string> changes) {
    const auto path = (scratch() / "image.tar").string();
    std::FILE* file = std::fopen(path.c_str(), "w");
    const auto root = root_of_image();
    ASSERT_EQ(std::fwrite(root.data(), 1, root.size(), file), root.size());
    std::fclose(file);
    changes.emplace_back("ENV PATH=/bin:/sbin:/usr/bin:/usr/sbin");
    made_ = true;
    run([path, changes](docker_api::Client& engine) -> asio::awaitable<void> {
      return [](docker_api::Client& client, std::string from,
                std::vector<std::string> lines) -> asio::awaitable<void> {
        co_await client.import_image(from, "slipway-test-service", "1", lines);
      }(engine, path, changes);
    });
  }

  static ServiceSpec busybox_service(const std::string& alias, const std::string& script,
                                     const std::string& port = "") {
    ServiceSpec service;
    service.name = image;
    service.alias = alias;
    service.entrypoint = {"sh", "-c", script};
    if (!port.empty()) service.variables = {{"HEALTHCHECK_TCP_PORT", port}};
    return service;
  }

  static JobBuilder with_network(JobBuilder job) {
    job.variable("FF_NETWORK_PER_BUILD", "true");
    return job;
  }

 private:
  bool made_ = false;
};

TEST_F(Services, E30_E45_E53_LinkedByHostEntriesAndTheirLogsOnRequest) {
  const auto sha = make_repository({{"file", "content\n"}});
  use_proxy();
  auto talk = busybox_service("web,w2", "echo token is $TOKEN; httpd -f -p 80", "80");
  talk.variables["TOKEN"] = "$SECRET";
  // It starts when the first one runs. A resolver that is not there says so at once.
  docker().dns = {"127.0.0.1"};
  const auto peer =
      busybox_service("peer",
                      "httpd -p 81; ping -c1 -W1 web 2>&1 || ping -c1 -W1 w2 2>&1 || "
                      "grep -E 'web|w2' /etc/hosts || echo resolves nobody; "
                      "for i in 1 2 3 4 5 6; do echo count $i; sleep 1; done; sleep 1000",
                      "81");
  const auto id =
      gitlab().enqueue(JobBuilder{}
                           .image(image)
                           .git("demo/project", "main", sha)
                           .service(talk)
                           .service(peer)
                           .masked_variable("SECRET", "hunter2hunter2")
                           .variable("CI_DEBUG_SERVICES", "true")
                           .script({"cat /etc/hosts", "wget -qO- http://w2/ || true",
                                    "ping -c1 -W2 web >/dev/null && echo reached", "sleep 8"}));
  run_until_text(id, "Z count 2");
  EXPECT_EQ(proxy().open("follow=1"), 2);
  proxy().cut("follow=1");
  const auto& job = run_until_finished(id);
  const auto log = plain_text(job.trace);
  EXPECT_EQ(job.state, JobState::success) << log;
  EXPECT_THAT(log, AllOf(HasSubstr("\tweb"), HasSubstr("\tw2"), HasSubstr("\tpeer"),
                         HasSubstr("reached\n"), Not(HasSubstr(warning))));
  EXPECT_THAT(log, testing::ContainsRegex("172\\.[0-9.]+\t[0-9a-f]{12}\n"));
  EXPECT_THAT(log, testing::ContainsRegex("\\[service:busybox-web-w2\\] 20[^ ]+Z token is "
                                          "\\[MASKED\\]\n"));
  EXPECT_THAT(log, HasSubstr("Z resolves nobody\n"));
  std::string counted;
  std::istringstream in{log};
  for (std::string line; std::getline(in, line);)
    if (const auto found = line.find("Z count "); found != std::string::npos)
      counted += line.substr(found + 8);
  EXPECT_EQ(counted, "123456") << "a connection that was cut goes on where it ended";
  let_jobs_settle();
  EXPECT_EQ(proxy().open("/logs"), 0) << "a connection to the Engine outlives the job";
  EXPECT_THAT(job.trace, AllOf(Not(HasSubstr("hunter2hunter2")), HasSubstr(" 0fO")));
  std::size_t at = 0;
  for (const auto* line : {"Using Docker executor with image", "Starting service busybox:latest...",
                           waiting, "Using docker image", "Running on runner-"}) {
    const auto found = log.find(line, at);
    EXPECT_NE(found, std::string::npos) << line << "\n" << log;
    at = found;
  }
}

TEST_F(Services, E22_E29_InANetworkOfTheJobEverybodyFindsEverybody) {
  const auto web = busybox_service(
      "web",
      "httpd -p 80 -h /etc; until ping -c1 -W1 build >/dev/null 2>&1; do sleep 0.2; done; "
      "httpd -f -p 81 -h /etc",
      "80");
  const auto peer = busybox_service(
      "svc-1 svc-1",
      "until wget -qO- http://web/hostname; do sleep 0.2; done; httpd -f -p 82 -h /etc", "82");
  const auto id =
      gitlab().enqueue(with_network(JobBuilder{}.image(image).service(web).service(peer).script(
          {"until wget -qO- http://web:81/hostname; do sleep 0.2; done",
           "wget -qO- http://svc-1:82/hostname", "echo network $CI_BUILD_NETWORK_NAME",
           "sleep 2"})));
  run_until_text(id, "network runner-");
  // What the job itself plugs into its network goes with it.
  run([](docker_api::Client& engine) -> asio::awaitable<void> {
    std::vector<std::string> label{"com.gitlab.gitlab-runner.managed=true"};
    const auto networks = co_await engine.list_networks(label);
    EXPECT_EQ(networks.size(), 1u);
    if (networks.empty()) co_return;
    auto sibling = busybox({"sleep", "1000"});
    sibling.network_mode = networks.front().name;
    const auto made = co_await engine.create_container(std::move(sibling));
    co_await engine.start_container(made);
  });
  const auto& job = run_until_finished(id);
  EXPECT_EQ(job.state, JobState::success) << plain_text(job.trace);
  EXPECT_THAT(plain_text(job.trace),
              AllOf(HasSubstr("Skipping alias \"svc-1\""), Not(HasSubstr(warning))));
}

TEST_F(Services, E29_TheNetworkGoesWithAJobThatFailsOrIsCancelled) {
  const auto networks = [] {
    std::size_t count = 0;
    run([&](docker_api::Client& engine) -> asio::awaitable<void> {
      return [](docker_api::Client& client, std::size_t* found) -> asio::awaitable<void> {
        const std::vector<std::string> label{"com.gitlab.gitlab-runner.managed=true"};
        const auto list = co_await client.list_networks(label);
        *found = list.size();
      }(engine, &count);
    });
    return count;
  };
  for (const bool cancelled : {false, true}) {
    SCOPED_TRACE(cancelled);
    const auto id = gitlab().enqueue(with_network(JobBuilder{}.image(image).script(
        {"echo at work", cancelled ? "sleep 1000" : "sleep 2", "exit 3"})));
    run_until_text(id, "at work\n");
    EXPECT_EQ(networks(), 1u);
    if (cancelled) gitlab().cancel(id, true);
    EXPECT_EQ(run_until_finished(id).state, cancelled ? JobState::canceled : JobState::failed);
    let_jobs_settle();
    EXPECT_EQ(networks(), 0u);
  }
}

TEST_F(Services, E46_JobsSideBySideShareNothingAndLeaveNothing) {
  config.concurrent = 12;
  std::vector<std::int64_t> ids;
  for (int i = 0; i < 20; ++i)
    ids.push_back(gitlab().enqueue(with_network(JobBuilder{}.image(image).script(
        {"test ! -e /cache/taken; touch /cache/taken; sleep 1; rm /cache/taken", "hostname"}))));
  for (const auto id : ids)
    EXPECT_EQ(run_until_finished(id, 240s).state, JobState::success) << log_of(id);
}

TEST_F(Services, AnEngineWithoutAddressesGivesTheJobASmallNetwork) {
  use_proxy();
  EngineProxy::Rule full;
  full.method = "POST";
  full.part = "/networks/create";
  full.answer = EngineProxy::refusal(
      500,
      "could not find an available, non-overlapping IPv4 address pool among the defaults to assign "
      "to the network");
  full.times = 1;
  proxy().add(full);
  const auto& job =
      run_job(with_network(JobBuilder{}.image(image).script({"ip -4 addr show eth0"})));
  EXPECT_EQ(job.state, JobState::success) << plain_text(job.trace);
  EXPECT_THAT(plain_text(job.trace), testing::ContainsRegex("inet 198\\.19\\.[0-9.]+/26"));
}

TEST_F(Services, E25_AServiceThatEndsShowsItsLastLines) {
  auto chatty = busybox_service(
      "chatty", "seq 100000 120000; sleep 0.5; echo cannot start: no disk >&2; exit 4");
  const auto& job = run_job(JobBuilder{}.image(image).service(chatty).script({"echo on"}));
  const auto log = plain_text(job.trace);
  EXPECT_EQ(job.state, JobState::success) << log;
  EXPECT_THAT(log, AllOf(HasSubstr(warning), HasSubstr("ended with exit code 4"),
                         HasSubstr("Service container logs:\n"), HasSubstr("cannot start: no disk"),
                         HasSubstr("120000\n"), Not(HasSubstr("Z 100000\n")), HasSubstr("on\n")));
  EXPECT_LT(log.size(), 70'000u);
}

TEST_F(Services, E26_E28_OnesThatAreNotWaitedForAndWhatTheySee) {
  docker().wait_for_services_timeout = -1s;
  config.runners.front().environment = {{"PROXY", "http://proxy"}};
  auto asker = busybox_service("asker", "env | sort; echo that was all; sleep 1000");
  asker.variables = {{"SHOWN", "got $HIDDEN"}, {"EMPTY", ""}};
  local::VariableFlags hidden;
  hidden.is_public = false;
  const auto& job = run_job(JobBuilder{}
                                .image(image)
                                .service(asker)
                                .variable("HIDDEN", "project setting", hidden)
                                .variable("EMPTY", "full")
                                .variable("CI_DEBUG_SERVICES", "true")
                                .script({"sleep 1; echo on"}));
  const auto log = plain_text(job.trace);
  EXPECT_EQ(job.state, JobState::success) << log;
  EXPECT_THAT(log, AllOf(Not(HasSubstr(waiting)), HasSubstr("Z that was all\n"),
                         HasSubstr("Z SHOWN=got project setting\n"), HasSubstr("Z EMPTY=\n"),
                         HasSubstr("Z PROXY=http://proxy\n"), Not(HasSubstr("Z HIDDEN="))));
}

TEST_F(Services, TheImagesHealthcheckDecidesWhereItHasOne) {
  make_image({"HEALTHCHECK --interval=1s --retries=1 CMD test -e /ready", "EXPOSE 80"});
  docker().wait_for_services_timeout = 10s;
  ServiceSpec slow;
  slow.name = own_image;
  slow.alias = "slow";
  slow.entrypoint = {"sh", "-c", "touch /ready; sleep 2; httpd -f -p 80"};
  auto never = slow;
  never.alias = "never";
  never.entrypoint = {"sh", "-c", "httpd -f -p 80"};
  const auto& job =
      run_job(JobBuilder{}.image(image).service(slow).service(never).script({"echo on"}));
  const auto log = plain_text(job.trace);
  EXPECT_EQ(job.state, JobState::success) << log;
  EXPECT_THAT(log, AllOf(HasSubstr("-slipway-test-service-1 probably didn't start properly"),
                         HasSubstr("is unhealthy by its HEALTHCHECK"),
                         Not(HasSubstr("-slipway-test-service-0 probably"))));
}

TEST_F(Services, E33_E36_VolumesAreWritableForServicesAndAnonymousOnesGo) {
  make_image({"VOLUME /var/lib/data", "EXPOSE 80/udp", "USER 1000"});
  docker().volumes = {"/cache", "/shared"};
  ServiceSpec service;
  service.name = own_image;
  service.alias = "data";
  service.entrypoint = {"sh", "-c", "echo from the service > /shared/file && sleep 1000"};
  const auto payload = JobBuilder{}.image(image).service(service).script({"cat /shared/file"});
  const auto& first = run_job(payload);
  EXPECT_EQ(first.state, JobState::success) << plain_text(first.trace);
  EXPECT_THAT(plain_text(first.trace),
              AllOf(HasSubstr("has no exposed ports"), HasSubstr("from the service\n")));
}

TEST_F(Services, E41_AServiceThatRunsOutOfMemoryIsToldSo) {
  docker().service_memory = "32m";
  docker().service_memory_swap = "32m";
  const auto& job = run_job(
      JobBuilder{}
          .image(image)
          .service(busybox_service(
              "hungry", "httpd -p 80; sleep 3; exec dd if=/dev/zero of=/dev/null bs=200M count=1",
              "80"))
          .script({"sleep 5", "false"}));
  const auto log = plain_text(job.trace);
  EXPECT_EQ(job.state, JobState::failed);
  EXPECT_THAT(log, AllOf(Not(HasSubstr(warning)),
                         HasSubstr("Service busybox:latest is not running any more: exit code 137, "
                                   "out of memory")));
}

TEST_F(Services, E52_NetworksThatAreNotTheJobsOwn) {
  const auto sha = make_repository({{"file", "content\n"}});
  docker().network_mode = "host";
  const auto& host =
      run_job(JobBuilder{}
                  .image(image)
                  .service(busybox_service("web", "httpd -f -p 8123 -h /etc", "8123"))
                  .script({"wget -qO- http://localhost:8123/hostname"}));
  EXPECT_EQ(host.state, JobState::success) << plain_text(host.trace);
  EXPECT_THAT(plain_text(host.trace), Not(HasSubstr(warning)));
  stop_service();
}

TEST_F(Services, E52_WithoutANetworkTheSourcesCannotBeFetched) {
  const auto sha = make_repository({{"file", "content\n"}});
  docker().network_mode = "none";
  const auto& job = run_job(
      JobBuilder{}.image(image).git("demo/project", "main", sha).script({"echo never"}), 120s);
  EXPECT_EQ(job.failure_reason, "script_failure") << plain_text(job.trace);
  EXPECT_THAT(plain_text(job.trace), AllOf(HasSubstr("fatal:"), Not(HasSubstr("never\n"))));
}

TEST_F(Services, E52_TheNetworkOfAContainerIsRefusedClearly) {
  docker().network_mode = "container:absent";
  const auto& job = run_job(JobBuilder{}.image(image).script({"echo never"}));
  EXPECT_EQ(job.failure_reason, "runner_configuration_error") << plain_text(job.trace);
  EXPECT_THAT(plain_text(job.trace), HasSubstr("conflicting options"));
}

}  // namespace
}  // namespace slipway::tests
