// What a job would fail for: told when the file is read, too.

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "config/fields.hpp"
#include "config/validate.hpp"
#include "config/value_forms.hpp"

namespace slipway::config {

namespace {

constexpr std::string_view not_a_size = "not a size such as 512m or 2g";
constexpr std::string_view not_cpus = "not a number of CPUs";

struct Form {
  std::string_view key;
  bool (*fits)(std::string_view);
  std::string_view otherwise;
};

constexpr std::array forms{
    Form{"host", is_engine_host, "not of the form unix:///path or tcp://host:port"},
    Form{"memory", is_memory_size, not_a_size},
    Form{"memory_swap", is_memory_size, not_a_size},
    Form{"memory_reservation", is_memory_size, not_a_size},
    Form{"service_memory", is_memory_size, not_a_size},
    Form{"service_memory_swap", is_memory_size, not_a_size},
    Form{"service_memory_reservation", is_memory_size, not_a_size},
    Form{"cpus", is_cpu_number, not_cpus},
    Form{"service_cpus", is_cpu_number, not_cpus},
    Form{"mac_address", is_mac_address, "not a MAC address"},
    Form{"dns", is_ip_address, "not an IP address"},
    Form{"extra_hosts", is_extra_host, "not of the form name:address"},
};

void check_form(const toml::node& node, const Form& form, Remarks& remarks) {
  const auto check = [&](const toml::node& at, const std::string& value) {
    // Variables are known only when a job is there.
    if (value.empty() || value.find('$') != std::string::npos || form.fits(value)) return;
    remarks.add_value(at, fmt::format("runners.docker.{}", form.key), form.otherwise);
  };
  if (const auto text = node.value<std::string>()) return check(node, *text);
  if (const auto* list = node.as_array())
    for (const auto& item : *list) check(item, item.value<std::string>().value_or(""));
}

void check_range(const Fields& fields, std::string_view key, std::int64_t least, std::int64_t most,
                 std::string_view otherwise, Remarks& remarks) {
  std::int64_t value = 0;
  fields.read(key, value);
  if (value < least || value > most)
    remarks.add(*fields.find(key),
                fmt::format("key \"runners.docker.{}\": {} is {}", key, value, otherwise));
}

void check_maps(const Fields& fields, Remarks& remarks) {
  if (const auto* limits = fields.table("ulimit"))
    for (const auto& [name, node] : *limits)
      if (!is_ulimit(node.value<std::string>().value_or("")))
        remarks.add_value(node, fmt::format("runners.docker.ulimit.{}", name.str()),
                          "not soft[:hard]");
  if (const auto* options = fields.table("log_options"))
    for (const auto& [name, node] : *options)
      if (name.str() != "env" && name.str() != "labels")
        remarks.add(node, fmt::format("key \"runners.docker.log_options.{}\": only env and labels "
                                      "are allowed",
                                      name.str()));
}

/// A job that asks for nothing would be refused.
void check_policies(const Fields& fields, Remarks& remarks) {
  std::vector<std::string> allowed;
  std::vector<std::string> used;
  fields.read("allowed_pull_policies", allowed);
  fields.read("pull_policy", used);
  if (used.empty()) used.emplace_back("always");
  const bool fits = allowed.empty() || std::ranges::any_of(used, [&](const std::string& policy) {
                      return std::ranges::find(allowed, policy) != allowed.end();
                    });
  if (!fits)
    remarks.add(*fields.find("allowed_pull_policies"),
                fmt::format("key \"runners.docker.allowed_pull_policies\" has none of the "
                            "pull_policy ({}): jobs that name none of their own will fail",
                            fmt::join(used, ", ")));
}

}  // namespace

void validate_docker(const toml::table& docker, Remarks& remarks) {
  const Fields fields{docker};
  for (const auto& form : forms)
    if (const auto* node = fields.find(form.key)) check_form(*node, form, remarks);
  check_range(fields, "oom_score_adjust", -1000, 1000, "not between -1000 and 1000", remarks);
  check_range(fields, "shm_size", 0, std::numeric_limits<std::int64_t>::max(), "not a size",
              remarks);
  check_maps(fields, remarks);
  check_policies(fields, remarks);
  for (const auto* service : fields.tables("services")) {
    std::string name;
    Fields{*service}.read("name", name);
    if (name.empty()) remarks.add(*service, "a service in [[runners.docker.services]] has no name");
  }
}

}  // namespace slipway::config
