#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "executors/docker/device_options.hpp"
#include "executors/docker/image_name.hpp"
#include "executors/docker/plan_parts.hpp"
#include "job/failure.hpp"

namespace slipway::executors::docker {

namespace {

using nlohmann::json;

[[noreturn]] void fail(const std::string& text) {
  throw job::Failure{job::FailureReason::runner_configuration_error, text};
}

/// As documented an ordinary error of the preparation, not one of the configuration.
[[noreturn]] void fail_prepare(const std::string& text) {
  throw job::Failure{job::FailureReason::runner_system_failure, text};
}

/// `1.5g` → bytes; powers of 1024.
std::int64_t memory_bytes(const std::string& key, const std::string& text) {
  if (text == "-1") return -1;
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  std::string unit{end};
  std::transform(unit.begin(), unit.end(), unit.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (unit.starts_with(' ')) unit.erase(0, 1);
  if (unit.size() > 2 && unit.ends_with("ib"))
    unit.resize(unit.size() - 2);
  else if (unit.size() > 1 && unit.ends_with("b"))
    unit.pop_back();
  constexpr std::string_view units = "bkmgt";
  const auto power = unit.empty() ? 0 : units.find(unit);
  const auto length = std::min(text.find_first_not_of("0123456789."), text.size());
  const bool decimal = text.c_str() + length == end;
  if (length == 0 || !decimal || unit.size() > 1 || power == std::string_view::npos ||
      std::ldexp(number, 10 * static_cast<int>(power)) > 9e18)
    fail(fmt::format("[runners.docker] {}: \"{}\" is not a size such as 512m or 2g", key, text));
  return static_cast<std::int64_t>(std::ldexp(number, 10 * static_cast<int>(power)));
}

/// `1.5` or `1/3` CPUs → NanoCpus, truncated.
std::int64_t nano_cpus(const std::string& key, const std::string& text) {
  const auto slash = text.find('/');
  const auto number = [&](const std::string& part) {
    char* end = nullptr;
    const double value = std::strtod(part.c_str(), &end);
    if (part.empty() || *end != '\0' || !std::isfinite(value) || value < 0 || value > 1e6)
      fail(fmt::format("[runners.docker] {}: \"{}\" is not a number of CPUs", key, text));
    return value;
  };
  // A decimal fraction may lie a hair below what was written.
  const auto nano = [](double cpus) { return static_cast<std::int64_t>(cpus * 1e9 + 1e-5); };
  if (slash == std::string::npos) return nano(number(text));
  const double divisor = number(text.substr(slash + 1));
  if (divisor == 0) fail(fmt::format("[runners.docker] {}: \"{}\" divides by zero", key, text));
  const double cpus = number(text.substr(0, slash)) / divisor;
  if (cpus > 1e6) fail(fmt::format("[runners.docker] {}: \"{}\" is too much", key, text));
  return nano(cpus);
}

void set_memory(json& out, const char* member, const std::string& key, const std::string& text) {
  if (!text.empty()) out[member] = memory_bytes(key, text);
}
void set_text(json& out, const char* member, const std::string& text) {
  if (!text.empty()) out[member] = text;
}
template <class Container>
void set_list(json& out, const char* member, const Container& values) {
  if (!values.empty()) out[member] = values;
}

std::vector<std::string> capabilities(const std::vector<std::string>& names) {
  std::set<std::string> result;
  for (auto name : names) {
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    if (name != "ALL" && !name.starts_with("CAP_")) name = "CAP_" + name;
    result.insert(std::move(name));
  }
  return {result.begin(), result.end()};
}

json ulimits(const std::map<std::string, std::string>& limits) {
  auto list = json::array();
  for (const auto& [name, text] : limits) {
    const auto colon = text.find(':');
    const auto number = [&](std::string_view part) {
      std::int64_t value = 0;
      const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
      if (error != std::errc{} || end != part.data() + part.size())
        fail(fmt::format("[runners.docker.ulimit] {}: \"{}\" is not soft[:hard]", name, text));
      return value;
    };
    const auto soft = number(std::string_view{text}.substr(0, colon));
    const auto hard =
        colon == std::string::npos ? soft : number(std::string_view{text}.substr(colon + 1));
    list.push_back({{"Name", name}, {"Soft", soft}, {"Hard", hard}});
  }
  return list;
}

/// `seccomp=<path>` is read on this host and sent inline.
std::vector<std::string> security_options(const std::vector<std::string>& options) {
  std::vector<std::string> result;
  for (const auto& option : options) {
    const std::string_view prefix = "seccomp=";
    const auto value = option.starts_with(prefix) ? option.substr(prefix.size()) : "";
    if (value.empty() || value.starts_with('{') || value == "unconfined" || value == "builtin") {
      result.push_back(option);
      continue;
    }
    std::ifstream file{value};
    const std::string text{std::istreambuf_iterator<char>{file}, {}};
    const auto profile = json::parse(text, nullptr, false);
    if (!file.good() && text.empty())
      fail_prepare(fmt::format("opening seccomp profile ({}) failed", value));
    if (profile.is_discarded())
      fail_prepare(fmt::format("seccomp profile ({}) is not JSON", value));
    result.push_back("seccomp=" + profile.dump());
  }
  return result;
}

/// Keys other than these would change how the job's output is kept; all bad ones are named at once.
void check_log_options(const std::map<std::string, std::string>& options) {
  std::vector<std::string> bad;
  for (const auto& [key, value] : options)
    if (key != "env" && key != "labels") bad.push_back(key);
  if (!bad.empty())
    fail(fmt::format("[runners.docker.log_options] only env and labels are allowed, not {}",
                     fmt::join(bad, ", ")));
}

void set_dns(json& out, const config::Docker& docker) {
  for (const auto& server : docker.dns) {
    in6_addr address;
    if (::inet_pton(AF_INET, server.c_str(), &address) != 1 &&
        ::inet_pton(AF_INET6, server.c_str(), &address) != 1)
      fail(fmt::format("invalid DNS server address \"{}\": not an IP address", server));
  }
  set_list(out, "Dns", docker.dns);
  set_list(out, "DnsSearch", docker.dns_search);
}

/// The devices of every pattern that matches the service's image.
json service_devices(const config::Docker& docker, const std::string& image) {
  auto list = json::array();
  for (const auto& [pattern, specs] : docker.services_devices)
    if (matches_pattern(pattern, image))
      for (auto& device : device_list(specs)) list.push_back(std::move(device));
  return list;
}

void set_isolation(json& out, const config::Docker& docker) {
  const auto& value = docker.isolation;
  if (value != "" && value != "default" && value != "process" && value != "hyperv")
    fail(
        fmt::format("the isolation value \"{}\" is not valid. The valid values are: 'process', "
                    "'hyperv', 'default' and an empty string",
                    value));
  set_text(out, "Isolation", value);
}

}  // namespace

std::string checked_mac_address(const std::string& text) {
  if (text.empty()) return text;
  const bool fits = text.size() == 17 && (text[2] == ':' || text[2] == '-');
  bool valid = fits;
  for (std::size_t at = 0; fits && at < text.size(); ++at)
    valid = valid && (at % 3 == 2 ? text[at] == text[2]
                                  : std::isxdigit(static_cast<unsigned char>(text[at])) != 0);
  if (!valid)
    fail(fmt::format("invalid MAC address \"{}\": expected six pairs of hex digits", text));
  return text;
}

std::string build_host_config(const config::Docker& docker, bool with_pid_mode) {
  check_log_options(docker.log_options);
  json out = json::object();
  set_memory(out, "Memory", "memory", docker.memory);
  set_memory(out, "MemorySwap", "memory_swap", docker.memory_swap);
  set_memory(out, "MemoryReservation", "memory_reservation", docker.memory_reservation);
  if (!docker.cpus.empty()) out["NanoCpus"] = nano_cpus("cpus", docker.cpus);
  if (docker.cpu_shares != 0) out["CpuShares"] = docker.cpu_shares;
  set_text(out, "CpusetCpus", docker.cpuset_cpus);
  set_text(out, "CpusetMems", docker.cpuset_mems);
  set_text(out, "CgroupParent", docker.cgroup_parent);
  set_list(out, "DeviceCgroupRules", docker.device_cgroup_rules);
  if (!docker.devices.empty()) out["Devices"] = device_list(docker.devices);
  if (!docker.gpus.empty()) out["DeviceRequests"] = device_requests("gpus", docker.gpus);
  if (!docker.ulimit.empty()) out["Ulimits"] = ulimits(docker.ulimit);
  out["OomKillDisable"] = docker.oom_kill_disable;
  if (docker.oom_score_adjust != 0) out["OomScoreAdj"] = docker.oom_score_adjust;
  set_list(out, "CapAdd", capabilities(docker.cap_add));
  set_list(out, "CapDrop", capabilities(docker.cap_drop));
  set_list(out, "GroupAdd", docker.group_add);
  set_list(out, "SecurityOpt", security_options(docker.security_opt));
  set_dns(out, docker);
  set_list(out, "Links", docker.links);
  set_list(out, "VolumesFrom", docker.volumes_from);
  set_text(out, "VolumeDriver", docker.volume_driver);
  if (with_pid_mode) set_text(out, "PidMode", docker.pid_mode);
  set_text(out, "IpcMode", docker.ipcmode);
  if (docker.shm_size != 0) out["ShmSize"] = docker.shm_size;
  set_text(out, "Runtime", docker.runtime);
  set_text(out, "UsernsMode", docker.userns_mode);
  set_isolation(out, docker);
  set_list(out, "Tmpfs", docker.tmpfs);
  set_list(out, "Sysctls", docker.sysctls);
  return out.dump();
}

std::string service_host_config(const config::Docker& docker, const std::string& image) {
  json out = json::object();
  set_memory(out, "Memory", "service_memory", docker.service_memory);
  set_memory(out, "MemorySwap", "service_memory_swap", docker.service_memory_swap);
  set_memory(out, "MemoryReservation", "service_memory_reservation",
             docker.service_memory_reservation);
  if (!docker.service_cpus.empty())
    out["NanoCpus"] = nano_cpus("service_cpus", docker.service_cpus);
  if (docker.service_cpu_shares != 0) out["CpuShares"] = docker.service_cpu_shares;
  set_text(out, "CpusetCpus", docker.service_cpuset_cpus);
  set_text(out, "CgroupParent", docker.service_cgroup_parent);
  set_list(out, "Devices", service_devices(docker, image));
  if (!docker.service_gpus.empty())
    out["DeviceRequests"] = device_requests("service_gpus", docker.service_gpus);
  set_list(out, "SecurityOpt", security_options(docker.services_security_opt));
  set_dns(out, docker);
  if (docker.shm_size != 0) out["ShmSize"] = docker.shm_size;
  set_text(out, "Runtime", docker.runtime);
  set_text(out, "UsernsMode", docker.userns_mode);
  set_isolation(out, docker);
  set_list(out, "Tmpfs", docker.services_tmpfs);
  return out.dump();
}

}  // namespace slipway::executors::docker
