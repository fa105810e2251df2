#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "executors/docker/plan_parts.hpp"
#include "plan_support.hpp"

namespace slipway::executors::docker {
namespace {

json build_config(const std::string& toml, bool pid = true) {
  return json::parse(build_host_config(*runner_of(toml).docker, pid));
}
json service_config(const std::string& toml, const std::string& image = "redis:latest") {
  return json::parse(service_host_config(*runner_of(toml).docker, image));
}

struct KeyCase {
  const char* toml;
  const char* build;    ///< members beside OomKillDisable
  const char* service;  ///< members
};

TEST(HostConfig, E40_EveryKey) {
  const KeyCase cases[] = {
      {"", "{}", "{}"},
      {"memory = \"64m\"", R"({"Memory":67108864})", "{}"},
      {"memory_swap = \"-1\"", R"({"MemorySwap":-1})", "{}"},
      {"memory_reservation = \"1.5g\"", R"({"MemoryReservation":1610612736})", "{}"},
      {"service_memory = \"1k\"", "{}", R"({"Memory":1024})"},
      {"service_memory_swap = \"2b\"", "{}", R"({"MemorySwap":2})"},
      {"service_memory_reservation = \"3\"", "{}", R"({"MemoryReservation":3})"},
      {"cpus = \"0.1\"", R"({"NanoCpus":100000000})", "{}"},
      {"service_cpus = \"1/3\"", "{}", R"({"NanoCpus":333333333})"},
      {"cpu_shares = 512", R"({"CpuShares":512})", "{}"},
      {"service_cpu_shares = 256", "{}", R"({"CpuShares":256})"},
      {"cpuset_cpus = \"0,1\"", R"({"CpusetCpus":"0,1"})", "{}"},
      {"service_cpuset_cpus = \"0\"", "{}", R"({"CpusetCpus":"0"})"},
      {"cpuset_mems = \"0-1\"", R"({"CpusetMems":"0-1"})", "{}"},
      {"cgroup_parent = \"/ci\"", R"({"CgroupParent":"/ci"})", "{}"},
      {"service_cgroup_parent = \"/svc\"", "{}", R"({"CgroupParent":"/svc"})"},
      {"devices = [\"/dev/fuse\"]",
       R"({"Devices":[{"PathOnHost":"/dev/fuse","PathInContainer":"/dev/fuse","CgroupPermissions":"rwm"}]})",
       "{}"},
      {"[runners.docker.services_devices]\n\"redis:*\" = [\"/dev/kvm:/dev/k:r\"]\n\"mysql*\" = "
       "[\"/dev/x\"]",
       "{}",
       R"({"Devices":[{"PathOnHost":"/dev/kvm","PathInContainer":"/dev/k","CgroupPermissions":"r"}]})"},
      {"device_cgroup_rules = [\"c 1:3 r\"]", R"({"DeviceCgroupRules":["c 1:3 r"]})", "{}"},
      {"gpus = \"all\"", R"({"DeviceRequests":[{"Count":-1,"Capabilities":[["gpu"]]}]})", "{}"},
      {"service_gpus = \"2\"", "{}",
       R"({"DeviceRequests":[{"Count":2,"Capabilities":[["gpu"]]}]})"},
      {"[runners.docker.ulimit]\nnofile = \"1024:2048\"\nrtprio = \"99\"",
       R"({"Ulimits":[{"Name":"nofile","Soft":1024,"Hard":2048},{"Name":"rtprio","Soft":99,"Hard":99}]})",
       "{}"},
      {"oom_kill_disable = true", R"({"OomKillDisable":true})", "{}"},
      {"oom_score_adjust = -500", R"({"OomScoreAdj":-500})", "{}"},
      {"cap_add = [\"net_admin\", \"CAP_SYS_TIME\", \"NET_ADMIN\", \"all\"]",
       R"({"CapAdd":["ALL","CAP_NET_ADMIN","CAP_SYS_TIME"]})", "{}"},
      {"cap_drop = [\"chown\"]", R"({"CapDrop":["CAP_CHOWN"]})", "{}"},
      {"group_add = [\"docker\"]", R"({"GroupAdd":["docker"]})", "{}"},
      {"security_opt = [\"no-new-privileges\", \"seccomp=unconfined\", \"seccomp=builtin\"]",
       R"({"SecurityOpt":["no-new-privileges","seccomp=unconfined","seccomp=builtin"]})", "{}"},
      {"services_security_opt = [\"apparmor=x\"]", "{}", R"({"SecurityOpt":["apparmor=x"]})"},
      {"dns = [\"8.8.8.8\", \"2001:db8::1\"]", R"({"Dns":["8.8.8.8","2001:db8::1"]})",
       R"({"Dns":["8.8.8.8","2001:db8::1"]})"},
      {"dns_search = [\"example.com\"]", R"({"DnsSearch":["example.com"]})",
       R"({"DnsSearch":["example.com"]})"},
      {"links = [\"db:mysql\"]", R"({"Links":["db:mysql"]})", "{}"},
      {"volumes_from = [\"data:ro\"]", R"({"VolumesFrom":["data:ro"]})", "{}"},
      {"volume_driver = \"local\"", R"({"VolumeDriver":"local"})", "{}"},
      {"pid_mode = \"host\"", R"({"PidMode":"host"})", "{}"},
      {"ipcmode = \"host\"", R"({"IpcMode":"host"})", "{}"},
      {"shm_size = 300000", R"({"ShmSize":300000})", R"({"ShmSize":300000})"},
      {"runtime = \"runsc\"", R"({"Runtime":"runsc"})", R"({"Runtime":"runsc"})"},
      {"userns_mode = \"host\"", R"({"UsernsMode":"host"})", R"({"UsernsMode":"host"})"},
      {"[runners.docker.tmpfs]\n\"/tmp\" = \"rw,noexec\"", R"({"Tmpfs":{"/tmp":"rw,noexec"}})",
       "{}"},
      {"[runners.docker.services_tmpfs]\n\"/db\" = \"rw\"", "{}", R"({"Tmpfs":{"/db":"rw"}})"},
      {"[runners.docker.sysctls]\n\"net.ipv4.ip_forward\" = \"1\"",
       R"({"Sysctls":{"net.ipv4.ip_forward":"1"}})", "{}"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.toml);
    auto build = json::parse(c.build);
    if (!build.contains("OomKillDisable")) build["OomKillDisable"] = false;
    EXPECT_EQ(build_config(c.toml), build);
    EXPECT_EQ(service_config(c.toml), json::parse(c.service));
  }
}

TEST(HostConfig, PidModeIsNotForTheHelper) {
  EXPECT_FALSE(build_config("pid_mode = \"host\"", false).contains("PidMode"));
}

struct SizeCase {
  const char* text;
  std::int64_t want;
};

TEST(HostConfig, Sizes) {
  const SizeCase cases[] = {
      {"0", 0},         {"1024", 1024},    {"1b", 1},
      {"1K", 1024},     {"1kb", 1024},     {"1KiB", 1024},
      {"2 m", 2 << 20}, {"0.5g", 1 << 29}, {"1T", std::int64_t{1} << 40},
      {"-1", -1},       {"1.5", 1},
  };
  for (const auto& c : cases)
    EXPECT_EQ(build_config(std::string{"memory = \""} + c.text + "\"")["Memory"], c.want) << c.text;
}

TEST(HostConfig, CpuCounts) {
  const SizeCase cases[] = {
      {"1", 1'000'000'000}, {"0.57", 570'000'000},        {"1.001", 1'001'000'000},
      {"1/3", 333'333'333}, {"2/3", 666'666'666},         {"3/2", 1'500'000'000},
      {".5", 500'000'000},  {"0.123456789", 123'456'789}, {"0", 0}};
  for (const auto& c : cases)
    EXPECT_EQ(build_config(std::string{"cpus = \""} + c.text + "\"")["NanoCpus"], c.want) << c.text;
}

TEST(HostConfig, E42_E43_BadValuesFailTheJob) {
  const std::pair<std::string, std::string> cases[] = {
      {"memory = \"lots\"", "[runners.docker] memory: \"lots\" is not a size"},
      {"memory = \"1x\"", "\"1x\" is not a size"},
      {"memory = \"1 kk\"", "\"1 kk\" is not a size"},
      {"memory = \"-5m\"", "\"-5m\" is not a size"},
      {"memory = \"1e3\"", "\"1e3\" is not a size"},
      {"memory = \"0x10\"", "\"0x10\" is not a size"},
      {"memory = \"inf\"", "\"inf\" is not a size"},
      {"memory = \"99999999999999999999t\"", "is not a size"},
      {"memory_swap = \"x\"", "memory_swap"},
      {"memory_reservation = \"x\"", "memory_reservation"},
      {"service_memory = \"x\"", "service_memory"},
      {"cpus = \"two\"", "[runners.docker] cpus: \"two\" is not a number of CPUs"},
      {"cpus = \"-1\"", "is not a number of CPUs"},
      {"cpus = \"1/0\"", "divides by zero"},
      {"cpus = \"1/\"", "is not a number of CPUs"},
      {"cpus = \"1e6/1e-6\"", "is too much"},
      {"service_cpus = \"x\"", "service_cpus"},
      {"[runners.docker.ulimit]\nnofile = \"a\"", "[runners.docker.ulimit] nofile: \"a\""},
      {"[runners.docker.ulimit]\nnofile = \"1:\"", "nofile"},
      {"[runners.docker.ulimit]\nnofile = \"1:2:3\"", "nofile"},
      {"dns = [\"not-an-ip\"]", "invalid DNS server address \"not-an-ip\""},
      {"dns = [\"8.8.8.8\", \"1.2.3\"]", "invalid DNS server address \"1.2.3\""},
      {"mac_address = \"92:d0:c6\"", "invalid MAC address \"92:d0:c6\""},
      {"mac_address = \"92:d0:c6:0a:29:3g\"", "invalid MAC address"},
      {"mac_address = \"92:d0:c6-0a:29:33\"", "invalid MAC address"},
      {"[runners.docker.log_options]\nmax-size = \"1m\"\ntag = \"x\"\nenv = \"A\"",
       "only env and labels are allowed, not max-size, tag"},
  };
  // Of devices and profiles: ordinary errors of the preparation, which is tried again.
  const std::pair<std::string, std::string> ordinary[] = {
      {"devices = [\"/a:/b:r:w\"]", "too many colons"},
      {"devices = [\":/b\"]", "no path on the host"},
      {"[runners.docker.services_devices]\n\"redis:*\" = [\"/a:/b:r:w\"]", "too many colons"},
      {"gpus = \"many\"", "the count is neither a number nor all"},
      {"service_gpus = \"bad=1\"", "[runners.docker] service_gpus: \"bad=1\": unknown field bad"},
      {"security_opt = [\"seccomp=/does/not/exist\"]",
       "opening seccomp profile (/does/not/exist) failed"},
      {"services_security_opt = [\"seccomp=/does/not/exist\"]", "opening seccomp profile"},
  };
  const auto check = [](const auto& list, job::FailureReason reason) {
    for (const auto& [toml, want] : list) {
      SCOPED_TRACE(toml);
      const auto refused = refusal({{"services", {{{"name", "redis"}}}}}, toml);
      EXPECT_THAT(refused.text, ::testing::HasSubstr(want));
      EXPECT_EQ(refused.reason, reason);
    }
  };
  check(cases, job::FailureReason::runner_configuration_error);
  check(ordinary, job::FailureReason::runner_system_failure);
}

TEST(HostConfig, SeccompProfilesAreReadOnThisHost) {
  const auto path = std::filesystem::path{::testing::TempDir()} /
                    ("slipway-seccomp-" + std::to_string(::getpid()) + ".json");
  std::ofstream{path} << "{ \"defaultAction\" : \"SCMP_ACT_ALLOW\" }\n";
  const auto toml = "security_opt = [\"seccomp=" + path.string() + "\"]";
  EXPECT_EQ(build_config(toml)["SecurityOpt"],
            json::array({R"(seccomp={"defaultAction":"SCMP_ACT_ALLOW"})"}));
  std::ofstream{path} << "not json";
  EXPECT_EQ(refusal({}, toml).text, "seccomp profile (" + path.string() + ") is not JSON");
  std::filesystem::remove(path);
  EXPECT_EQ(build_config("security_opt = ['seccomp={\"a\":1}']")["SecurityOpt"],
            json::array({"seccomp={\"a\":1}"}));
}

TEST(HostConfig, MacAddressGoesToEveryContainer) {
  const auto plan =
      plan_of({{"services", {{{"name", "redis"}}}}}, "mac_address = \"92:d0:c6:0a:29:33\"");
  for (const auto* spec : {&plan.build, &plan.helper, &plan.services.at(0).container})
    EXPECT_EQ(spec->mac_address, "92:d0:c6:0a:29:33");
}

TEST(HostConfig, LogsOfServicesAreCapped) {
  const json services{{"services", {{{"name", "redis"}}}}};
  const auto plain = plan_of(services);
  EXPECT_EQ(plain.build.log_driver, "none");
  EXPECT_EQ(plain.helper.log_driver, "none");
  EXPECT_EQ(plain.services[0].container.log_driver, "json-file");
  EXPECT_EQ(plain.services[0].container.log_options.at("max-size"), "10m");
  const auto kept = plan_of(services, "[runners.docker.log_options]\nlabels = \"a\"");
  EXPECT_EQ(kept.build.log_driver, "json-file");
  EXPECT_EQ(kept.build.log_options.at("labels"), "a");
  EXPECT_FALSE(kept.build.log_options.contains("max-size"));
  EXPECT_EQ(kept.services[0].container.log_options.size(), 2u);
}

}  // namespace
}  // namespace slipway::executors::docker
