// E40: what the configuration says is what the Engine made: GET /containers/{id}/json of a job's
// containers, for every key that an Engine of any kind can be asked for.

#include <gmock/gmock.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "net/client.hpp"
#include "tests/integration/fault_jobs.hpp"

namespace slipway::tests {
namespace {

using local::JobBuilder;
using local::JobState;
using nlohmann::json;
using namespace std::chrono_literals;

class ConfigEcho : public FaultJobs {
 protected:
  /// What the Engine says of the one container of that type.
  json inspect(const std::string& type) {
    std::string id;
    std::string body;
    run([&](docker_api::Client& engine) -> asio::awaitable<void> {
      return [](docker_api::Client& client, std::string label, std::string socket,
                std::string* answer) -> asio::awaitable<void> {
        const std::vector<std::string> labels{std::move(label)};
        const auto containers = co_await client.list_containers(labels);
        EXPECT_EQ(containers.size(), 1u);
        if (containers.empty()) co_return;
        net::Endpoint endpoint;
        endpoint.scheme = net::Endpoint::Scheme::unix_socket;
        endpoint.host = std::move(socket);
        net::HttpClient http{co_await asio::this_coro::executor, endpoint};
        net::Request request;
        request.target = "/v1.41/containers/" + containers.front().id + "/json";
        net::Limits limits;
        limits.max_body = 1 << 20;
        auto exchange = http.send(std::move(request), limits);
        const auto response = co_await std::move(exchange);
        *answer = response.body;
        http.close_idle();
      }(engine, "com.gitlab.gitlab-runner.type=" + type, engine_socket(), &body);
    });
    return json::parse(body, nullptr, false);
  }
};

/// Every member of `want` as the container has it; lists and objects whole.
void expect_members(const json& have, const json& want, const std::string& what) {
  for (const auto& [key, value] : want.items())
    EXPECT_EQ(have.value(key, json{}), value) << what << ": " << key;
}

TEST_F(ConfigEcho, E40_OfEveryKey) {
  auto& c = docker();
  c.hostname = "ci-host";
  c.memory = "256m";
  c.memory_swap = "512m";
  c.memory_reservation = "128m";
  c.cpus = "1.5";
  c.cpu_shares = 512;
  c.cpuset_cpus = "0";
  c.cpuset_mems = "0";
  c.dns = {"192.0.2.53"};
  c.dns_search = {"example.com"};
  c.group_add = {"42"};
  c.cap_add = {"net_admin"};
  c.cap_drop = {"chown"};
  c.oom_score_adjust = 100;
  c.security_opt = {"no-new-privileges"};
  c.services_security_opt = {"seccomp=unconfined"};
  c.devices = {"/dev/null:/dev/nothing:rw"};
  c.device_cgroup_rules = {"c 1:3 rwm"};
  c.services_devices = {{"busybox:*", {"/dev/zero:/dev/naught:r"}}};
  c.extra_hosts = {"other.example.com:192.0.2.7"};
  c.ipcmode = "shareable";
  c.shm_size = 33'554'432;
  c.tmpfs = {{"/scratch", "rw,size=1m"}};
  c.services_tmpfs = {{"/data", "rw,size=2m"}};
  c.sysctls = {{"net.ipv4.ip_forward", "1"}};
  c.container_labels = {{"team", "$CI_JOB_NAME"}};
  c.ulimit = {{"nofile", "1024:2048"}};
  c.service_memory = "128m";
  c.service_memory_swap = "192m";
  c.service_memory_reservation = "64m";
  c.service_cpus = "0.5";
  c.service_cpu_shares = 256;
  c.service_cpuset_cpus = "0";
  c.volumes = {"/cache", "/tmp:/host-tmp:ro"};
  const auto sha = make_repository({{"file", "content\n"}});
  local::ServiceSpec service;
  service.name = image;
  service.alias = "echo";
  service.command = {"sleep", "1000"};
  const auto id = gitlab().enqueue(JobBuilder{}
                                       .name("name-of-job")
                                       .image(image)
                                       .git("demo/project", "main", sha)
                                       .service(service)
                                       .script({"echo running; sleep 3"}));
  c.wait_for_services_timeout = -1s;
  run_until_text(id, " running\n");

  const auto all =
      R"({"Dns":["192.0.2.53"],"DnsSearch":["example.com"],"ShmSize":33554432,"AutoRemove":false,
      "Privileged":false,"Binds":["/tmp:/host-tmp:ro"],
      "RestartPolicy":{"Name":"no","MaximumRetryCount":0}})"_json;
  auto job = R"({"Memory":268435456,"MemorySwap":536870912,"MemoryReservation":134217728,
      "NanoCpus":1500000000,"CpuShares":512,"CpusetCpus":"0","CpusetMems":"0","GroupAdd":["42"],
      "CapAdd":["CAP_NET_ADMIN"],"CapDrop":["CAP_CHOWN"],"OomKillDisable":false,"OomScoreAdj":100,
      "SecurityOpt":["no-new-privileges"],"DeviceCgroupRules":["c 1:3 rwm"],"IpcMode":"shareable",
      "Devices":[{"PathOnHost":"/dev/null","PathInContainer":"/dev/nothing",
                  "CgroupPermissions":"rw"}],
      "Tmpfs":{"/scratch":"rw,size=1m"},"Sysctls":{"net.ipv4.ip_forward":"1"},
      "Ulimits":[{"Name":"nofile","Soft":1024,"Hard":2048}],
      "LogConfig":{"Type":"none","Config":{}}})"_json;
  const auto of_service = R"({"Memory":134217728,"MemorySwap":201326592,
      "MemoryReservation":67108864,"NanoCpus":500000000,"CpuShares":256,"CpusetCpus":"0",
      "CapAdd":null,"GroupAdd":null,"SecurityOpt":["seccomp=unconfined"],"Tmpfs":{"/data":"rw,size=2m"},
      "Devices":[{"PathOnHost":"/dev/zero","PathInContainer":"/dev/naught",
                  "CgroupPermissions":"r"}],
      "ExtraHosts":["other.example.com:192.0.2.7"],
      "LogConfig":{"Type":"json-file","Config":{"max-size":"10m"}}})"_json;
  for (const auto* type : {"build", "predefined"}) {
    const auto made = inspect(type);
    expect_members(made["HostConfig"], all, type);
    expect_members(made["HostConfig"], job, type);
    EXPECT_THAT(made["HostConfig"]["ExtraHosts"],
                testing::Contains(json("other.example.com:192.0.2.7")));
    EXPECT_THAT(made["HostConfig"]["ExtraHosts"].dump(), testing::HasSubstr("\"echo:"));
    expect_members(made["Config"], R"({"Hostname":"ci-host","OpenStdin":true,"StdinOnce":false,
        "Tty":false})"_json,
                   type);
    EXPECT_EQ(made["Config"]["Labels"].value("team", ""), "name-of-job");
  }
  const auto made = inspect("service");
  expect_members(made["HostConfig"], all, "service");
  expect_members(made["HostConfig"], of_service, "service");
  EXPECT_EQ(made["Config"]["Cmd"], json({"sleep", "1000"}));
  EXPECT_EQ(made["Config"]["Labels"].value("com.gitlab.gitlab-runner.team", ""), "name-of-job");
  EXPECT_EQ(run_until_finished(id).state, JobState::success) << log_of(id);
}

}  // namespace
}  // namespace slipway::tests
