#include <algorithm>
#include <array>
#include <utility>

#include "job/job.hpp"
#include "job/json_field.hpp"
#include "job/utf8_filter.hpp"

namespace slipway::job {
namespace {

using nlohmann::json;

constexpr std::size_t max_payload_bytes = 64u << 20;
constexpr std::size_t max_depth = 64;
constexpr std::int64_t default_timeout_seconds = 7200;

/// Reads through a document without building it: is it JSON, is it flat enough, and what are the
/// `id` and `token` at its top?
class Skim : public json::json_sax_t {
 public:
  std::string error;
  std::int64_t id = 0;
  std::string token;

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t value) override {
    if (at_top("id")) id = value;
    return true;
  }
  bool number_unsigned(number_unsigned_t value) override {
    if (at_top("id") && value <= static_cast<number_unsigned_t>(INT64_MAX)) {
      id = static_cast<std::int64_t>(value);
    }
    return true;
  }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t& value) override {
    if (at_top("token")) token = value;
    return true;
  }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override { return enter(); }
  bool end_object() override { return leave(); }
  bool start_array(std::size_t) override { return enter(); }
  bool end_array() override { return leave(); }
  bool key(string_t& value) override {
    if (depth_ == 1) key_ = value;
    return true;
  }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    error = "job payload: not valid JSON at byte " + std::to_string(position);
    return false;
  }

 private:
  bool at_top(std::string_view key) const { return depth_ == 1 && key_ == key; }
  bool enter() {
    if (++depth_ <= max_depth) return true;
    error = "job payload: nested deeper than " + std::to_string(max_depth) + " levels";
    return false;
  }
  bool leave() {
    --depth_;
    return true;
  }

  std::size_t depth_ = 0;
  std::string key_;
};

template <class T, class Read>
std::vector<T> list(const JsonField& field, Read read) {
  std::vector<T> result;
  field.each([&](const JsonField& element) { result.push_back(read(element)); });
  return result;
}

Variable read_variable(const JsonField& in) {
  Variable variable;
  variable.key = in.at("key").text();
  variable.value = in.at("value").text();
  variable.is_public = in.at("public").flag();
  variable.masked = in.at("masked").flag();
  variable.raw = in.at("raw").flag();
  variable.file = in.at("file").flag();
  return variable;
}

void read_executor_options(const JsonField& in, Image& image) {
  in.each_member([&](const std::string& section, const JsonField& options) {
    if (section != "docker" && section != "kubernetes") {
      image.unknown_options.push_back(section);
      return;
    }
    const bool docker = section == "docker";
    options.each_member([&](const std::string& key, const JsonField&) {
      if (key != "user" && !(docker && key == "platform")) {
        image.unknown_options.push_back(section + '.' + key);
      }
    });
    if (!docker) return;
    image.docker_platform = options.at("platform").text();
    image.docker_user = options.at("user").text_or_integer();
  });
}

Image read_image(const JsonField& in) {
  Image image;
  image.name = in.at("name").text();
  image.alias = in.at("alias").text();
  image.command = in.at("command").optional_texts();
  image.entrypoint = in.at("entrypoint").optional_texts();
  image.variables = Variables{list<Variable>(in.at("variables"), read_variable)};
  image.pull_policies = in.at("pull_policy").texts();
  read_executor_options(in.at("executor_opts"), image);
  return image;
}

Step read_step(const JsonField& in) {
  return {in.at("name").text(), in.at("script").texts()};
}
Hook read_hook(const JsonField& in) {
  return {in.at("name").text(), in.at("script").texts()};
}

GitInfo read_git(const JsonField& in) {
  GitInfo git;
  git.repo_url = in.at("repo_url").text();
  git.repo_object_format = in.at("repo_object_format").text();
  git.ref = in.at("ref").text();
  git.sha = in.at("sha").text();
  git.before_sha = in.at("before_sha").text();
  git.ref_type = in.at("ref_type").text();
  git.refspecs = in.at("refspecs").texts();
  git.depth = in.at("depth").small_integer();
  git.is_protected = in.at("protected").optional_flag();
  return git;
}

JobInfo read_info(const JsonField& in) {
  JobInfo info;
  info.name = in.at("name").text();
  info.stage = in.at("stage").text();
  info.pipeline_id = in.at("pipeline_id").integer();
  info.project_id = in.at("project_id").integer();
  info.project_name = in.at("project_name").text();
  info.project_full_path = in.at("project_full_path").text();
  info.time_in_queue_seconds = in.at("time_in_queue_seconds").number();
  info.project_jobs_running = in.at("project_jobs_running_on_instance_runners_count").text();
  info.queue_size = in.at("queue_size").integer();
  info.queue_depth = in.at("queue_depth").integer();
  return info;
}

Artifact read_artifact(const JsonField& in) {
  Artifact artifact;
  artifact.name = in.at("name").text();
  artifact.untracked = in.at("untracked").flag();
  artifact.paths = in.at("paths").texts();
  artifact.exclude = in.at("exclude").texts();
  artifact.when = in.at("when").text();
  artifact.type = in.at("artifact_type").text();
  artifact.format = in.at("artifact_format").text();
  artifact.expire_in = in.at("expire_in").text();
  return artifact;
}

Cache read_cache(const JsonField& in) {
  Cache cache;
  cache.key = in.at("key").text();
  cache.untracked = in.at("untracked").flag();
  cache.paths = in.at("paths").texts();
  cache.policy = in.at("policy").text();
  cache.when = in.at("when").text();
  cache.fallback_keys = in.at("fallback_keys").texts();
  return cache;
}

Credential read_credential(const JsonField& in) {
  return {in.at("type").text(), in.at("url").text(), in.at("username").text(),
          util::Secret{in.at("password").text()}};
}

Dependency read_dependency(const JsonField& in) {
  const auto file = in.at("artifacts_file");
  Dependency dependency;
  dependency.id = in.at("id").integer();
  dependency.token = util::Secret{in.at("token").text()};
  dependency.name = in.at("name").text();
  dependency.filename = file.at("filename").text();
  dependency.size = file.at("size").integer();
  return dependency;
}

ServerFeatures read_features(const JsonField& in) {
  ServerFeatures features;
  features.trace_sections = in.at("trace_sections").flag();
  features.token_mask_prefixes = in.at("token_mask_prefixes").texts();
  features.failure_reasons = in.at("failure_reasons").texts();
  return features;
}

Input read_input(const JsonField& in) {
  const auto value = in.at("value");
  Input input;
  input.key = in.at("key").text();
  if (input.key.empty()) in.refuse("an input with a key");
  input.sensitive = value.at("sensitive").flag();
  input.content = value.at("content").json_of_kind(value.at("type").text());
  return input;
}

bool has_members(const JsonField& object) {
  bool any = false;
  object.each_member([&](const std::string&, const JsonField&) { any = true; });
  return any;
}

Job read_job(const JsonField& in) {
  Job job;
  job.id = in.at("id").integer();
  job.token = util::Secret{in.at("token").text()};
  if (job.id <= 0) throw FieldError{"id: expected a positive integer"};
  if (job.token.empty()) throw FieldError{"token: missing"};
  job.allow_git_fetch = in.at("allow_git_fetch").flag();
  job.info = read_info(in.at("job_info"));
  job.git = read_git(in.at("git_info"));
  job.timeout_seconds = in.at("runner_info").at("timeout").integer();
  if (job.timeout_seconds <= 0) job.timeout_seconds = default_timeout_seconds;
  job.variables = Variables{list<Variable>(in.at("variables"), read_variable)};
  job.steps = list<Step>(in.at("steps"), read_step);
  job.image = read_image(in.at("image"));
  job.services = list<Image>(in.at("services"), read_image);
  job.artifacts = list<Artifact>(in.at("artifacts"), read_artifact);
  job.caches = list<Cache>(in.at("cache"), read_cache);
  job.credentials = list<Credential>(in.at("credentials"), read_credential);
  job.dependencies = list<Dependency>(in.at("dependencies"), read_dependency);
  job.hooks = list<Hook>(in.at("hooks"), read_hook);
  job.features = read_features(in.at("features"));
  job.has_secrets = has_members(in.at("secrets"));
  job.run = in.at("run").text();
  job.inputs = list<Input>(in.at("inputs"), read_input);
  return job;
}

PayloadResult refused(std::string text, Skim skim) {
  return {
      std::nullopt,
      {std::move(text), std::max<std::int64_t>(skim.id, 0), util::Secret{std::move(skim.token)}}};
}

}  // namespace

PayloadResult parse_payload(std::string_view text) {
  Skim skim;
  if (text.size() > max_payload_bytes) return refused("job payload: larger than 64 MiB", {});
  const auto repaired = repair_utf8(text);
  if (!json::sax_parse(repaired, &skim)) {
    auto error = skim.error.empty() ? "job payload: not valid JSON" : skim.error;
    return refused(std::move(error), std::move(skim));
  }
  const auto document = json::parse(repaired, nullptr, /*allow_exceptions=*/false);
  try {
    return {read_job(JsonField{document}), {}};
  } catch (const FieldError& error) {
    return refused(error.text, std::move(skim));
  }
}

const Step* Job::step(std::string_view name) const {
  const auto found = std::find_if(steps.begin(), steps.end(),
                                  [name](const Step& step) { return step.name == name; });
  return found == steps.end() ? nullptr : &*found;
}

}  // namespace slipway::job
