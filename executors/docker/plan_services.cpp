#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "executors/docker/image_name.hpp"
#include "executors/docker/plan_parts.hpp"
#include "job/failure.hpp"

namespace slipway::executors::docker {

namespace {

/// Of a text that a job gave, in a message about it.
constexpr std::size_t longest_shown_name = 255;

/// A service of the configuration or of the job, in one form.
struct Wanted {
  std::string name;
  std::string alias;
  std::optional<std::vector<std::string>> command;
  std::optional<std::vector<std::string>> entrypoint;
  job::Variables variables;
  std::vector<std::string> policies;
  std::string platform;
  std::string user;
  bool from_config = false;
};

std::vector<Wanted> merged_services(const job::Job& job, const config::Docker& docker,
                                    const job::Variables& variables) {
  std::vector<Wanted> services;
  for (const auto& service : docker.services) {
    Wanted wanted;
    wanted.name = variables.expand(service.name);
    wanted.alias = variables.expand(service.alias);
    if (!service.command.empty()) wanted.command = service.command;
    if (!service.entrypoint.empty()) wanted.entrypoint = service.entrypoint;
    for (const auto& entry : service.environment) {
      const auto equals = entry.find('=');
      if (equals == std::string::npos) continue;
      wanted.variables.add_internal(entry.substr(0, equals), entry.substr(equals + 1));
    }
    wanted.from_config = true;
    services.push_back(std::move(wanted));
  }
  for (const auto& service : job.services) {
    Wanted wanted;
    wanted.name = variables.expand(service.name);
    wanted.alias = variables.expand(service.alias);
    wanted.command = service.command;
    wanted.entrypoint = service.entrypoint;
    wanted.variables = service.variables;
    wanted.policies = service.pull_policies;
    wanted.platform = variables.expand(service.docker_platform);
    wanted.user = variables.expand(service.docker_user);
    services.push_back(std::move(wanted));
  }
  return services;
}

/// Public and internal job variables with their resolved values, then the service's own, expanded
/// against both.
std::vector<std::string> service_env(const Plan& plan, const Wanted& wanted) {
  auto env = container_env(plan.environment.variables, plan.environment.temp_dir, true);
  auto all = plan.environment.variables;
  all.append(wanted.variables);
  for (const auto& variable : wanted.variables.list())
    env.push_back(variable.key + "=" +
                  (variable.raw ? variable.value : all.expand(variable.value)));
  return env;
}

std::optional<std::string> last_value(const std::vector<std::string>& env, std::string_view key) {
  for (auto entry = env.rbegin(); entry != env.rend(); ++entry)
    if (entry->size() > key.size() && entry->starts_with(key) && (*entry)[key.size()] == '=')
      return entry->substr(key.size() + 1);
  return std::nullopt;
}

}  // namespace

void plan_services(const job::Job& job, const config::Runner& runner, const PlanContext&,
                   const docker_api::ContainerSpec& base, Plan& plan) {
  const auto& docker = *runner.docker;
  const auto wanted = merged_services(job, docker, plan.environment.variables);
  if (docker.services_limit >= 0 && wanted.size() > static_cast<std::size_t>(docker.services_limit))
    throw job::Failure{job::FailureReason::runner_system_failure,
                       fmt::format("too many services requested: {}, only {} allowed",
                                   wanted.size(), docker.services_limit)};
  std::set<std::string> taken;
  for (std::size_t index = 0; index < wanted.size(); ++index) {
    const auto& service = wanted[index];
    const auto image = parse_image_name(service.name);
    const auto explicit_aliases = split_aliases(service.alias);
    if (!image) {
      const auto shown = service.name.substr(0, longest_shown_name);
      if (!explicit_aliases.empty())
        throw job::Failure{job::FailureReason::runner_configuration_error,
                           fmt::format("invalid service image name: {}", shown)};
      plan.warnings.push_back(fmt::format(
          "Skipping service \"{}\" (services[{}]): this is no image name", shown, index));
      continue;
    }
    const bool named_in_config = std::any_of(
        wanted.begin(), wanted.end(),
        [&](const Wanted& entry) { return entry.from_config && entry.name == service.name; });
    if (!service.from_config && !named_in_config)
      check_allowed(service.name, docker.allowed_services, "services");

    ServicePlan planned;
    planned.index = index;
    const auto names = service_name(*image);
    planned.aliases = names.aliases;
    planned.aliases.insert(planned.aliases.end(), explicit_aliases.begin(), explicit_aliases.end());
    for (const auto& alias : planned.aliases) {
      if (taken.insert(alias).second) {
        planned.hosts.push_back(alias);
        continue;
      }
      plan.warnings.push_back(fmt::format(
          "Skipping alias \"{}\" for service \"{}\" (services[{}]): alias is already in use by "
          "another service.",
          alias, service.name, index));
    }
    if (planned.hosts.empty()) continue;  // every name is taken: the service could not be reached

    planned.image.name = image->with_default_tag();
    planned.image.policies = effective_pull_policies(planned.image.name, service.policies, docker);
    planned.image.platform = normal_platform(service.platform, plan.warnings);
    planned.shown_name = names.version.starts_with('@') ? names.name + names.version
                                                        : names.name + ":" + names.version;
    planned.is_dind = is_dind_image(*image);

    auto& container = planned.container;
    container = base;
    container.name = fmt::format("{}-{}-{}", plan.prefix, names.aliases.front(), index);
    container.platform = planned.image.platform;
    container.user = service.user;
    if (service.command && !service.command->empty()) container.command = *service.command;
    if (service.entrypoint && !service.entrypoint->empty()) {
      if (docker.disable_entrypoint_overwrite)
        plan.warnings.emplace_back("Entrypoint override disabled");
      else
        container.entrypoint = service.entrypoint;
    }
    container.env = service_env(plan, service);
    container.host_config_extra = service_host_config(docker, planned.image.name);
    for (const auto& [key, value] : docker.container_labels)
      container.labels.emplace("com.gitlab.gitlab-runner." + key,
                               plan.environment.variables.expand(value));
    container.labels["com.gitlab.gitlab-runner.type"] = "service";
    container.labels["com.gitlab.gitlab-runner.service"] = names.name;
    container.labels["com.gitlab.gitlab-runner.service.version"] = names.version;
    container.privileged = docker.services_privileged.value_or(docker.privileged) &&
                           any_match(docker.allowed_privileged_services, service.name);
    if (is_user_defined_network(container.network_mode))
      container.network_aliases = planned.aliases;
    planned.cert_dir = last_value(container.env, "DOCKER_TLS_CERTDIR");
    planned.docker_host = last_value(container.env, "DOCKER_HOST").value_or("");
    plan.services.push_back(std::move(planned));
  }
}

}  // namespace slipway::executors::docker
