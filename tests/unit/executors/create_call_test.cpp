#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>

#include "config/schema.hpp"
#include "docker_api/json.hpp"
#include "plan_support.hpp"
#include "tests/fakes/test_paths.hpp"

// Every key of [runners.docker] and what becomes of it in the Engine's create calls, against
// golden/create_bodies.json; SLIPWAY_UPDATE_GOLDEN=1 writes it anew.
namespace slipway::executors::docker {
namespace {

constexpr auto every_key = R"(
hostname = "ci"
runtime = "runsc"
memory = "64m"
memory_swap = "128m"
memory_reservation = "32m"
cgroup_parent = "/ci"
cpuset_cpus = "0,1"
cpuset_mems = "0"
cpus = "1.5"
cpu_shares = 512
dns = ["192.0.2.53"]
dns_search = ["example.com"]
privileged = true
services_privileged = false
disable_entrypoint_overwrite = false
user = "ci"
allowed_users = ["ci"]
group_add = ["docker"]
userns_mode = "host"
cap_add = ["net_admin"]
cap_drop = ["chown"]
oom_kill_disable = true
oom_score_adjust = -10
security_opt = ["no-new-privileges"]
services_security_opt = ["apparmor=svc"]
devices = ["/dev/fuse"]
device_cgroup_rules = ["c 1:3 r"]
gpus = "all"
disable_cache = false
volumes = ["/cache", "/etc/host:/etc/job:ro"]
volume_keep = true
volume_driver = "fast"
extra_hosts = ["other:192.0.2.7"]
volumes_from = ["data:ro"]
network_mode = "ci-net"
pid_mode = "host"
ipcmode = "shareable"
mac_address = "92:d0:c6:0a:29:33"
links = ["db:mysql"]
services_limit = 5
service_memory = "16m"
service_memory_swap = "24m"
service_memory_reservation = "8m"
service_cgroup_parent = "/svc"
service_cpuset_cpus = "1"
service_cpus = "0.5"
service_cpu_shares = 256
service_gpus = "1"
wait_for_services_timeout = 7
allowed_images = ["app:*"]
allowed_privileged_images = ["app:*"]
allowed_privileged_services = ["redis:*"]
allowed_pull_policies = ["never", "always"]
allowed_services = ["redis:*"]
pull_policy = ["never"]
isolation = "default"
shm_size = 300000
helper_image = "helper:1"
enable_ipv6 = true
network_mtu = 1400
[runners.docker.services_devices]
"redis:*" = ["/dev/kvm"]
[runners.docker.volume_driver_ops]
size = "1g"
[runners.docker.tmpfs]
"/scratch" = "rw"
[runners.docker.services_tmpfs]
"/db" = "rw"
[runners.docker.sysctls]
"net.core.somaxconn" = "1024"
[runners.docker.container_labels]
team = "$CI_PROJECT_DIR"
[runners.docker.ulimit]
nofile = "1024:2048"
[runners.docker.log_options]
labels = "team"
[[runners.docker.services]]
name = "redis:7"
alias = "kv"
command = ["--port", "1"]
entrypoint = ["/entry"]
environment = ["A=1"]
)";

/// Keys that are not about what is created, or say it in another way; each has its own tests.
const std::set<std::string> elsewhere{
    "host",     "tls_cert_path", "tls_verify",          "image",
    "agent",    "dind",          "helper_image_flavor", "service_slot_cgroup_template",
    "services", "cache_dir"};

TEST(CreateCall, E40_TheTestSetsEveryKey) {
  const auto* table = config::find_table("runners.docker");
  ASSERT_NE(table, nullptr);
  const std::string text{every_key};
  for (const auto& key : table->keys) {
    const bool set = text.find("\n" + key.name + " = ") != std::string::npos ||
                     text.find("\n[runners.docker." + key.name + "]") != std::string::npos;
    EXPECT_NE(set, elsewhere.contains(key.name)) << key.name;
  }
}

/// Without what is the same for every job.
json body_of(docker_api::ContainerSpec spec) {
  std::erase_if(spec.env, [](const std::string& entry) {
    return !entry.starts_with("A=") && !entry.starts_with("CI_PROJECT_DIR=");
  });
  std::erase_if(spec.labels, [](const auto& label) { return label.first.starts_with("io."); });
  for (auto& mount : spec.mounts) mount.labels.clear();
  auto body = docker_api::container_body(spec, {1, 44});
  body["Labels"].erase("com.gitlab.gitlab-runner.job.url");
  body.erase("Cmd");
  if (spec.name.ends_with("-0")) body["Cmd"] = spec.command;
  body["name"] = spec.name;
  return body;
}

TEST(CreateCall, E40_HoldsWhatEveryKeySays) {
  const json changes{{"image", {{"name", "app:1"}}}};
  const auto plan = plan_of(changes, every_key);
  ASSERT_EQ(plan.services.size(), 1u);
  const json bodies{{"build", body_of(plan.build)},
                    {"helper", body_of(plan.helper)},
                    {"service", body_of(plan.services.front().container)}};
  const auto path = std::string{fakes::test_data_dir} + "/golden/create_bodies.json";
  if (std::getenv("SLIPWAY_UPDATE_GOLDEN") != nullptr)
    std::ofstream{path} << bodies.dump(2) << '\n';
  std::ifstream file{path};
  const std::string text{std::istreambuf_iterator<char>{file}, {}};
  const auto want = json::parse(text, nullptr, false);
  ASSERT_FALSE(want.is_discarded()) << "no golden file";
  EXPECT_EQ(bodies, want) << json::diff(want, bodies).dump(2);
}

TEST(CreateCall, IsolationIsOneOfFour) {
  for (const auto* value : {"", "default", "process", "hyperv"}) {
    const auto plan = plan_of({}, std::string{"isolation = \""} + value + "\"");
    EXPECT_EQ(json::parse(plan.build.host_config_extra).value("Isolation", ""), value);
  }
  const auto refused = refusal({}, "isolation = \"vm\"");
  EXPECT_THAT(refused.text, ::testing::StartsWith("the isolation value \"vm\" is not valid."));
  EXPECT_EQ(refused.reason, job::FailureReason::runner_configuration_error);
}

TEST(PlanSettings, FollowFlagsAndVariables) {
  const auto with = [](const char* key, const char* value, const char* runner = "") {
    return plan_of({{"+variables", {{{"key", key}, {"value", value}, {"public", true}}}}}, "",
                   runner);
  };
  const auto plain = plan_of({});
  EXPECT_FALSE(plain.keep_umask || plain.native_stop || plain.debug_services);
  EXPECT_EQ(plain.section_attempts, 1);
  EXPECT_TRUE(with("FF_DISABLE_UMASK_FOR_DOCKER_EXECUTOR", "true").keep_umask);
  EXPECT_TRUE(with("FF_USE_NATIVE_CONTAINER_STOP", "true").native_stop);
  EXPECT_EQ(with("EXECUTOR_JOB_SECTION_ATTEMPTS", "2").section_attempts, 2);
  EXPECT_TRUE(with("CI_DEBUG_SERVICES", "true").debug_services);
  EXPECT_FALSE(with("CI_DEBUG_SERVICES", "true", "debug_trace_disabled = true").debug_services);
  // What cannot be read is said with the job's other settings.
  EXPECT_EQ(with("EXECUTOR_JOB_SECTION_ATTEMPTS", "999").section_attempts, 10);
  EXPECT_FALSE(with("CI_DEBUG_SERVICES", "maybe").debug_services);
  EXPECT_THAT(with("CI_DEBUG_SERVICES", "maybe").warnings, ::testing::IsEmpty());
}

TEST(PlanDirectories, AClonePathAtTheBuildsDirectoryHasAVolumeForItsTemporaryFiles) {
  const json changes{
      {"+variables", {{{"key", "GIT_CLONE_PATH"}, {"value", "$CI_BUILDS_DIR"}, {"public", true}}}}};
  const auto plan = plan_of(changes);
  ASSERT_EQ(plan.volumes.size(), 2u);
  EXPECT_EQ(plan.volumes[1].destination, "/builds.tmp");
  EXPECT_FALSE(plan.volumes[1].reusable);
  EXPECT_EQ(plan_of(changes, "volumes = [\"/builds.tmp\"]").volumes.size(), 2u);
}

}  // namespace
}  // namespace slipway::executors::docker
