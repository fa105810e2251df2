#include "executors/docker/plan.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "executors/docker/dind.hpp"
#include "executors/docker/helper_image.hpp"
#include "executors/docker/image_name.hpp"
#include "executors/docker/labels.hpp"
#include "executors/docker/plan_parts.hpp"
#include "job/attempts.hpp"
#include "job/failure.hpp"
#include "job/script.hpp"

namespace slipway::executors::docker {

namespace {

using job::Failure;
using job::FailureReason;

/// Of a text that a job gave, in a message about it.
constexpr std::size_t longest_shown_name = 255;

bool is_protected_job(const job::Job& job) {
  const auto ends = [](const job::Cache& cache) {
    return cache.key.ends_with("-protected") && !cache.key.ends_with("-non_protected");
  };
  if (std::any_of(job.caches.begin(), job.caches.end(), ends)) return true;
  if (job.git.is_protected) return *job.git.is_protected;
  for (const auto& variable : job.variables.list())
    if (variable.key == "CI_COMMIT_REF_PROTECTED") return variable.value == "true";
  return false;
}

/// Directories of the job, before its variables are final: `GIT_CLONE_PATH` may use them.
JobEnvironment directories(const job::Job& job, const config::Runner& runner,
                           const PlanContext& context) {
  JobEnvironment environment;
  environment.builds_dir = runner.builds_dir.empty() ? "/builds" : clean_path(runner.builds_dir);
  if (!environment.builds_dir.starts_with('/') || environment.builds_dir == "/")
    throw Failure{FailureReason::runner_configuration_error,
                  "build directory needs to be an absolute, non-root path"};
  const auto slug = project_slug(job);
  for (const auto& text : runner.docker->volumes) {
    const auto spec = parse_volume(text);
    environment.shared = environment.shared ||
                         (!spec.source.empty() &&
                          is_same_or_parent(clean_path(spec.destination), environment.builds_dir));
  }
  environment.project_dir =
      environment.shared
          ? fmt::format("{}/{}/{}/{}", environment.builds_dir,
                        job::short_token(runner.token.reveal()), context.project_slot, slug)
          : fmt::format("{}/{}", environment.builds_dir, slug);
  const auto* suffix = git_strategy(job, early_variables(job, runner)) == "empty" ? "-empty" : "";
  environment.project_dir += suffix;
  environment.temp_dir = environment.project_dir + ".tmp";
  environment.cache_dir =
      fmt::format("{}/{}{}", runner.cache_dir.empty() ? "/cache" : runner.cache_dir, slug, suffix);
  return environment;
}

/// An image id as the Engine gives it: `sha256:<64 hex>`.
bool is_image_id(std::string_view name) {
  constexpr std::string_view prefix = "sha256:";
  return name.starts_with(prefix) && name.size() == prefix.size() + 64 &&
         name.find_first_not_of("0123456789abcdef", prefix.size()) == std::string_view::npos;
}

ImagePlan job_image(const job::Job& job, const config::Docker& docker,
                    const job::Variables& variables, std::vector<std::string>& warnings) {
  ImagePlan image;
  image.name = variables.expand(job.image.name);
  const auto configured = variables.expand(docker.image);
  if (image.name.empty()) {
    image.name = configured;
    image.from_config = true;
  }
  if (image.name.empty())
    throw Failure{FailureReason::runner_system_failure,
                  "no Docker image specified to run the build in"};
  // Before the patterns are tried: they take long on a name without end.
  if (!parse_image_name(image.name) && !is_image_id(image.name))
    throw Failure{FailureReason::runner_configuration_error,
                  fmt::format("invalid image name: {}", image.name.substr(0, longest_shown_name))};
  if (!image.from_config && image.name != configured)
    check_allowed(image.name, docker.allowed_images, "images");
  image.policies = effective_pull_policies(
      image.name, image.from_config ? std::vector<std::string>{} : job.image.pull_policies, docker);
  image.platform = normal_platform(variables.expand(job.image.docker_platform), warnings);
  return image;
}

void plan_helper_image(const config::Runner& runner, job::Variables variables, Plan& plan) {
  const auto& docker = *runner.docker;
  variables.add_internal("CI_RUNNER_VERSION", std::string{compatible_version});
  // Images of GitLab Runner are found by its versions only.
  variables.add_internal("CI_RUNNER_REVISION", fmt::format("v{}", compatible_version));
  plan.helper_flavor = variables.expand(docker.helper_image_flavor);
  plan.helper_pwsh = runner.shell == "pwsh";
  if (docker.helper_image.empty()) return;
  ImagePlan image;
  image.name = variables.expand(docker.helper_image);
  image.policies = effective_pull_policies(image.name, {}, docker);
  plan.helper_image = std::move(image);
}

/// The user of the build container; one that is not allowed ends the job when that container is
/// made, as documented.
void plan_build_user(const job::Job& job, const config::Docker& docker, Plan& plan) {
  auto& user = plan.build.user;
  user =
      docker.user.empty() ? plan.environment.variables.expand(job.image.docker_user) : docker.user;
  const auto& allowed = docker.allowed_users;
  if (user.empty() || allowed.empty() ||
      std::find(allowed.begin(), allowed.end(), user) != allowed.end())
    return;
  plan.build_refused = fmt::format("user \"{}\" is not an allowed user: [{}]",
                                   user.substr(0, longest_shown_name), fmt::join(allowed, " "));
}

bool exchanges_artifacts(const job::Job& job) {
  const auto wanted = [](const job::Dependency& dependency) {
    return !dependency.filename.empty();
  };
  const auto made = [](const job::Artifact& artifact) {
    return !artifact.paths.empty() || !artifact.exclude.empty() || artifact.untracked;
  };
  return std::any_of(job.dependencies.begin(), job.dependencies.end(), wanted) ||
         std::any_of(job.artifacts.begin(), job.artifacts.end(), made);
}

docker_api::Mount mount_of(const VolumePlan& volume, const Plan& plan) {
  docker_api::Mount mount;
  mount.source = volume.name;
  mount.target = volume.destination;
  mount.labels = plan.labels;
  mount.labels[volume_label] = volume.reusable ? volume_of_cache : volume_of_job;
  // What survives the job must not be taken for a leftover of it.
  if (volume.reusable) mount.labels.erase(job_label);
  mount.labels["com.gitlab.gitlab-runner.type"] = "cache";
  mount.labels["com.gitlab.gitlab-runner.destination"] = volume.destination;
  mount.labels[reusable_label] = volume.reusable ? "true" : "false";
  mount.labels["com.gitlab.gitlab-runner.protected"] =
      volume.name.ends_with("-protected") ? "true" : "false";
  mount.driver = plan.volume_driver;
  mount.driver_options = plan.volume_driver_options;
  return mount;
}

/// What build, helper and service containers have in common.
docker_api::ContainerSpec base_container(const config::Docker& docker, const Plan& plan,
                                         std::vector<std::string> binds) {
  docker_api::ContainerSpec spec;
  spec.labels = plan.labels;
  // Ours stay as they are: by them the objects of a job are found again.
  for (const auto& [key, value] : docker.container_labels)
    spec.labels.emplace(key, plan.environment.variables.expand(value));
  if (docker.volume_keep) spec.labels[anonymous_volumes_label] = keep_anonymous_volumes;
  spec.binds = std::move(binds);
  for (const auto& volume : plan.volumes) spec.mounts.push_back(mount_of(volume, plan));
  spec.network_mode = plan.job_network.empty() ? docker.network_mode : plan.job_network;
  spec.mac_address = checked_mac_address(docker.mac_address);
  spec.extra_hosts = docker.extra_hosts;
  return spec;
}

void plan_job_containers(const job::Job& job, const config::Docker& docker, bool init,
                         const docker_api::ContainerSpec& base, Plan& plan) {
  const auto fill = [&](docker_api::ContainerSpec& spec, const char* name, const char* type) {
    spec = base;
    spec.name = plan.prefix + "-" + name;
    spec.hostname = plan.environment.hostname;
    spec.labels["com.gitlab.gitlab-runner.type"] = type;
    spec.env = container_env(plan.environment.variables, plan.environment.temp_dir, false);
    spec.open_stdin = true;
    // Their output is read from the attach stream; a log file would only slow it down and fill the
    // disk.
    spec.log_driver = docker.log_options.empty() ? "none" : "json-file";
    spec.log_options = docker.log_options;
  };
  fill(plan.build, "build", "build");
  plan.build.command = {"sh", "-c", job::shell_detection_script()};
  plan.build.init = init;
  plan_build_user(job, docker, plan);
  plan.build.platform = plan.image.platform;
  plan.build.privileged =
      docker.privileged && any_match(docker.allowed_privileged_images, plan.image.name);
  plan.build.host_config_extra = build_host_config(docker, true);
  if (job.image.entrypoint && !job.image.entrypoint->empty()) {
    if (docker.disable_entrypoint_overwrite)
      plan.warnings.emplace_back("Entrypoint override disabled");
    else
      plan.build.entrypoint = job.image.entrypoint;
  }
  fill(plan.helper, "predefined", "predefined");
  plan.helper.privileged = docker.privileged && docker.allowed_privileged_images.empty();
  plan.helper.host_config_extra = build_host_config(docker, false);
  if (is_user_defined_network(base.network_mode))
    // The helper runs beside the build container: the alias `build` must lead to the job alone.
    plan.build.network_aliases = {"build", plan.build.name};
}

/// In the helper, the store takes the place of what a slot has there.
void add_cache_store(const VolumeInput& volumes, Plan& plan) {
  std::vector<std::string> binds;
  plan_cache_store(volumes, plan, binds);
  if (!plan.cache_store && binds.empty()) return;
  auto& helper = plan.helper;
  const auto directory = clean_path(plan.environment.cache_dir);
  std::erase_if(helper.mounts, [&](const docker_api::Mount& mount) {
    return clean_path(mount.target) == directory;
  });
  std::erase_if(helper.binds,
                [&](const std::string& bind) { return bind.ends_with(":" + directory); });
  if (plan.cache_store) helper.mounts.push_back(mount_of(*plan.cache_store, plan));
  helper.binds.insert(helper.binds.end(), binds.begin(), binds.end());
}

void plan_network(const job::Job& job, const config::Runner& runner, const PlanContext& context,
                  job::Variables& variables, Plan& plan) {
  const auto& docker = *runner.docker;
  if (!docker.network_mode.empty() ||
      !feature_flag("FF_NETWORK_PER_BUILD", runner, early_variables(job, runner)))
    return;
  plan.job_network =
      rfc1123(fmt::format("runner-{}-{}-{}-{}", job::short_token(runner.token.reveal()),
                          job.info.project_id, context.project_slot, job.id));
  plan.network_ipv6 = docker.enable_ipv6;
  if (docker.network_mtu != 0)
    plan.network_options["com.docker.network.driver.mtu"] = std::to_string(docker.network_mtu);
  variables.add_internal("CI_BUILD_NETWORK_NAME", plan.job_network);
}

/// What variables and flags of the job say about how it is run.
void plan_settings(const config::Runner& runner, const job::Variables& variables, Plan& plan) {
  const auto flag = [&](const char* name) { return feature_flag(name, runner, variables); };
  plan.keep_umask = flag("FF_DISABLE_UMASK_FOR_DOCKER_EXECUTOR");
  plan.native_stop = flag("FF_USE_NATIVE_CONTAINER_STOP");
  // A bad one is said with the job's other settings.
  std::vector<std::string> told_elsewhere;
  plan.section_attempts = job::attempts(variables, "EXECUTOR_JOB_SECTION_ATTEMPTS", told_elsewhere);
  if (runner.docker->volume_keep)
    plan.warnings.emplace_back(
        "`volume_keep` is on: anonymous volumes of the job's containers stay, and may pile up on "
        "the Engine");
  plan.debug_services =
      !runner.debug_trace_disabled && variables.get_bool("CI_DEBUG_SERVICES", false);
}

}  // namespace

bool is_user_defined_network(std::string_view mode) {
  return !mode.empty() && mode != "default" && mode != "bridge" && mode != "host" &&
         mode != "none" && !mode.starts_with("container:");
}

void check_allowed(const std::string& name, const std::vector<std::string>& patterns,
                   const char* kind) {
  if (any_match(patterns, name)) return;
  auto text = fmt::format(
      "disallowed image\n\nThe \"{}\" image is not present on list of allowed {}:", name, kind);
  for (const auto& pattern : patterns) text += "\n- " + pattern;
  text +=
      "\n\nPlease check the runner's configuration: "
      "https://docs.gitlab.com/runner/executors/docker/#restrict-docker-images-and-services";
  throw Failure{FailureReason::runner_system_failure, text};
}

bool any_match(const std::vector<std::string>& patterns, const std::string& name) {
  return patterns.empty() ||
         std::any_of(patterns.begin(), patterns.end(),
                     [&](const auto& pattern) { return matches_pattern(pattern, name); });
}

std::vector<std::string> container_env(const job::Variables& variables, const std::string& temp_dir,
                                       bool public_only) {
  std::vector<std::string> env;
  for (const auto& variable : variables.list()) {
    if (public_only && !variable.is_public && !variable.internal) continue;
    env.push_back(variable.key + "=" +
                  (variable.file ? temp_dir + "/" + variable.key : variable.value));
  }
  return env;
}

std::vector<std::string> effective_pull_policies(const std::string& image,
                                                 const std::vector<std::string>& from_job,
                                                 const config::Docker& docker) {
  const std::vector<std::string> fallback{"always"};
  const auto& configured = docker.pull_policy.empty() ? fallback : docker.pull_policy;
  const auto& wanted = from_job.empty() ? configured : from_job;
  const auto& allowed =
      docker.allowed_pull_policies.empty() ? configured : docker.allowed_pull_policies;
  const auto check = [](const std::vector<std::string>& words, const char* key) {
    for (const auto& word : words)
      if (word != "always" && word != "if-not-present" && word != "never")
        throw Failure{FailureReason::runner_system_failure,
                      fmt::format("unsupported {} config: \"{}\"", key, word)};
  };
  check(wanted, "pull_policy");
  check(allowed, "allowed_pull_policies");
  std::vector<std::string> effective;
  for (const auto& policy : wanted)
    if (std::find(allowed.begin(), allowed.end(), policy) != allowed.end())
      effective.push_back(policy);
  if (!effective.empty()) return effective;
  const auto* source = !from_job.empty()            ? "GitLab pipeline config"
                       : docker.pull_policy.empty() ? "Runner config (default)"
                                                    : "Runner config";
  throw Failure{
      FailureReason::runner_configuration_error,
      fmt::format("invalid pull policy for image \"{}\": pull_policy ([{}]) defined in {} is not "
                  "one of the allowed_pull_policies ([{}])",
                  image, fmt::join(wanted, " "), source, fmt::join(allowed, " "))};
}

Plan make_plan(const job::Job& job, const config::Runner& runner, const PlanContext& context) {
  if (!runner.docker)
    throw Failure{FailureReason::runner_configuration_error,
                  "missing docker configuration: the runner has no [runners.docker] section"};
  const auto& docker = *runner.docker;
  Plan plan;
  plan.unique_name = unique_name(runner.token.reveal(), job.info.project_id, context.project_slot);
  plan.prefix = plan.unique_name + "-" + context.random;
  plan.labels = base_labels(job, runner, context);
  plan.volume_driver = runner.docker->volume_driver;
  plan.volume_driver_options = runner.docker->volume_driver_ops;
  plan.environment = directories(job, runner, context);
  apply_clone_path(runner, /*allowed=*/true,
                   job_variables(job, runner, context, plan.environment, Place::disposable),
                   plan.environment);
  auto variables = job_variables(job, runner, context, plan.environment, Place::disposable);
  plan_network(job, runner, context, variables, plan);
  plan.environment.variables = variables.expanded();
  plan.environment.hostname = docker.hostname.empty() ? plan.unique_name : docker.hostname;
  const auto& resolved = plan.environment.variables;
  plan.image = job_image(job, docker, resolved, plan.warnings);
  plan_helper_image(runner, resolved, plan);
  plan.registry.auth_config = util::Secret{resolved.get("DOCKER_AUTH_CONFIG")};
  plan.registry.homes = context.homes;
  for (const auto& credential : job.credentials)
    if (credential.type == "registry") plan.registry.credentials.push_back(credential);

  const auto strategy = git_strategy(job, resolved);
  plan.needs_helper =
      strategy == "fetch" || strategy == "clone" || exchanges_artifacts(job) || uses_cache(job);
  const auto specs = parse_volumes(docker, resolved);
  const VolumeInput volumes{
      docker,
      specs,
      storage_id(runner.token.reveal(), context.system_id, job.info.project_id,
                 context.project_slot),
      shared_storage_id(runner.token.reveal(), context.system_id, job.info.project_id),
      strategy,
      is_protected_job(job)};
  std::vector<std::string> binds;
  plan_volumes(volumes, plan, binds);
  const auto& builds = plan.environment.builds_dir;
  const bool builds_managed =
      std::any_of(plan.volumes.begin(), plan.volumes.end(), [&](const VolumePlan& volume) {
        return is_same_or_parent(clean_path(volume.destination), builds);
      });
  if (builds_managed) {
    plan.directories.push_back(plan.environment.project_dir);
    plan.directories.push_back(plan.environment.temp_dir);
  }

  const auto base = base_container(docker, plan, binds);
  auto service_base = base;
  service_base.log_driver = "json-file";
  service_base.log_options = docker.log_options;
  service_base.log_options["max-size"] = "10m";
  const bool init = feature_flag("FF_USE_INIT_WITH_DOCKER_EXECUTOR", runner, resolved);
  service_base.init = init;
  plan_services(job, runner, context, service_base, plan);
  plan_job_containers(job, docker, init, base, plan);
  if (uses_cache(job)) add_cache_store(volumes, plan);
  plan.wait_for_services = docker.wait_for_services_timeout;
  plan_settings(runner, resolved, plan);
  plan.agent = docker.agent == config::AgentMode::automatic;
  plan.dind_readiness = docker.dind.readiness;
  plan.keep_anonymous_volumes = docker.volume_keep;
  plan_dind(job, runner, context, volumes.is_protected, plan);
  return plan;
}

}  // namespace slipway::executors::docker
