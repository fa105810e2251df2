#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <string>
#include <vector>

#include "executors/docker/plan.hpp"
#include "executors/docker/plan_parts.hpp"
#include "job/failure.hpp"

namespace slipway::executors::docker {

namespace {

std::string lower(std::string_view text) {
  std::string result{text};
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

bool is_mode(std::string_view word) {
  const auto text = lower(word);
  return text == "ro" || text == "rw" || text == "o";
}
bool is_label(std::string_view word) {
  return word == "z" || word == "Z";
}
bool is_propagation(std::string_view word) {
  constexpr std::array words{"shared", "slave", "private", "rshared", "rslave", "rprivate"};
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool valid_path(std::string_view text) {
  return !text.empty() && text.find_first_of("\\:*?\"<>|\r\n") == std::string_view::npos;
}

/// True if `options` is mode, label and propagation in that order, each at most once.
bool valid_options(const std::vector<std::string>& options) {
  std::size_t at = 0;
  if (at < options.size() && is_mode(options[at])) ++at;
  if (at < options.size() && is_label(options[at])) ++at;
  if (at < options.size() && is_propagation(options[at])) ++at;
  return at == options.size();
}

std::vector<std::string> split(std::string_view text, std::string_view separators) {
  std::vector<std::string> parts;
  while (true) {
    const auto end = text.find_first_of(separators);
    parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

}  // namespace

VolumeSpec parse_volume(const std::string& text) {
  const auto invalid = [&] {
    return job::Failure{job::FailureReason::runner_configuration_error,
                        fmt::format("invalid volume specification: \"{}\"", text)};
  };
  auto parts = split(text, ":");
  // Options may be joined by colons or commas; paths hold neither colon.
  VolumeSpec spec;
  std::size_t paths = 1;
  if (parts.size() > 1 && parts[1].starts_with('/')) paths = 2;
  if (paths == 2) {
    spec.source = parts[0];
    const bool is_path = spec.source.starts_with('/');
    const bool is_name = !spec.source.empty() && spec.source.find('/') == std::string::npos;
    if (!valid_path(spec.source) || !(is_path || is_name)) throw invalid();
  }
  spec.destination = parts[paths - 1];
  if (!spec.destination.starts_with('/') || !valid_path(spec.destination)) throw invalid();
  std::vector<std::string> options;
  for (std::size_t i = paths; i < parts.size(); ++i)
    for (auto& word : split(parts[i], ",")) options.push_back(std::move(word));
  if (!valid_options(options)) throw invalid();
  for (const auto& word : options) spec.options += (spec.options.empty() ? "" : ",") + word;
  return spec;
}

std::vector<VolumeSpec> parse_volumes(const config::Docker& docker,
                                      const job::Variables& variables) {
  std::vector<VolumeSpec> specs;
  std::vector<std::string> seen;
  for (const auto& text : docker.volumes) {
    auto spec = parse_volume(text);
    spec.destination = variables.expand(spec.destination);
    // A job's variable must not become options of the mount.
    if (!valid_path(spec.destination))
      throw job::Failure{job::FailureReason::runner_configuration_error,
                         fmt::format("invalid volume specification: \"{}\"", text)};
    const auto clean = clean_path(spec.destination);
    if (clean == "/")
      throw job::Failure{job::FailureReason::runner_system_failure,
                         "build directory needs to be a non-root path"};
    if (std::find(seen.begin(), seen.end(), clean) != seen.end())
      throw job::Failure{job::FailureReason::runner_system_failure,
                         fmt::format("volume for container path \"{}\" is already defined", clean)};
    seen.push_back(clean);
    specs.push_back(std::move(spec));
  }
  return specs;
}

void plan_volumes(const VolumeInput& input, Plan& plan, std::vector<std::string>& binds) {
  const auto add_managed = [&](const std::string& destination, bool reusable, bool listed) {
    VolumePlan volume;
    volume.listed = listed;
    volume.destination = destination;
    volume.reusable = reusable && !input.docker.disable_cache;
    volume.name = cache_volume_name(volume.reusable ? input.storage_id : plan.prefix, destination,
                                    input.is_protected);
    plan.directories.push_back(destination);
    plan.volumes.push_back(std::move(volume));
  };
  const auto add = [&](const std::string& destination, bool reusable, bool listed) {
    if (!input.docker.cache_dir.empty() && !input.docker.disable_cache && reusable) {
      binds.push_back(fmt::format(
          "{}/{}/{}{}:{}", clean_path(std::filesystem::absolute(input.docker.cache_dir).string()),
          input.storage_id, digest_hex("MD5", destination), input.is_protected ? "-protected" : "",
          destination));
      plan.cached_binds.push_back(binds.back());
      return;
    }
    add_managed(destination, reusable, listed);
  };

  bool builds_defined = false;
  for (const auto& spec : input.specs) {
    builds_defined = builds_defined || clean_path(spec.destination) == plan.environment.builds_dir;
    if (spec.source.empty()) {
      add(spec.destination, true, true);
      continue;
    }
    binds.push_back(spec.source + ":" + spec.destination +
                    (spec.options.empty() ? "" : ":" + spec.options));
  }
  if (!builds_defined) add(plan.environment.builds_dir, input.git_strategy == "fetch", false);
  // With GIT_CLONE_PATH at its root, the temporary files lie beside the builds directory, where the
  // job's containers have nothing in common.
  const auto& temp_dir = plan.environment.temp_dir;
  const bool defined = std::any_of(input.specs.begin(), input.specs.end(), [&](const auto& spec) {
    return is_same_or_parent(clean_path(spec.destination), temp_dir);
  });
  if (plan.environment.project_dir == plan.environment.builds_dir && !defined)
    add_managed(temp_dir, false, false);
}

}  // namespace slipway::executors::docker
