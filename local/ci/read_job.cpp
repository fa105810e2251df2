#include <algorithm>

#include "local/ci/pattern.hpp"
#include "local/ci/read_needs.hpp"
#include "local/ci/read_parts.hpp"
#include "local/ci/read_rules.hpp"
#include "local/ci/read_variables.hpp"
#include "local/ci/root.hpp"

namespace slipway::local::ci {
namespace {

/// Reads one job, keyword by keyword.
class JobReader {
 public:
  JobReader(const RootSpec& root, std::size_t index, Notes& notes)
      : root_{root}, field_{root.jobs[index].second}, notes_{notes} {
    job_.name = root.job_names[index];
    job_.mark = root.jobs[index].first;
  }

  JobSpec run() {
    check_keys();
    read_kind();
    read_stage();
    if (const auto inherit = field_.find("inherit")) job_.inherit = read_inherit(*inherit);
    if (const auto variables = field_.find("variables"))
      job_.variables = read_variables(*variables, VariablesOf::job);
    read_conditions();
    read_when();
    read_relations();
    if (!job_.trigger && !is_bridge_) {
      read_scripts();
      read_execution();
    }
    read_common();
    read_refusals();
    return std::move(job_);
  }

 private:
  /// The job's own value of a keyword, or the default's where it may take that over.
  std::optional<Field> inherited(std::string_view key) const {
    if (auto own = field_.find(key)) return own;
    const auto& inherit = job_.inherit;
    const bool wanted =
        inherit.all_defaults ||
        std::find(inherit.defaults.begin(), inherit.defaults.end(), key) != inherit.defaults.end();
    const auto found = root_.defaults.find(key);
    if (!wanted || found == root_.defaults.end()) return std::nullopt;
    return found->second;
  }

  [[noreturn]] void fail_key(std::string_view key, const std::string& what) const {
    throw yaml::Error{field_.node().entries().find(key)->mark,
                      field_.path() + ":" + std::string{key} + ": " + what};
  }

  void check_keys() const {
    field_.only_keys({"image",          "services",
                      "before_script",  "after_script",
                      "hooks",          "rules",
                      "variables",      "cache",
                      "id_tokens",      "identity",
                      "inputs",         "secrets",
                      "script",         "run",
                      "stage",          "only",
                      "needs",          "except",
                      "tags",           "allow_failure",
                      "timeout",        "when",
                      "start_in",       "manual_confirmation",
                      "dependencies",   "artifacts",
                      "environment",    "release",
                      "coverage",       "retry",
                      "parallel",       "interruptible",
                      "resource_group", "trigger",
                      "inherit",        "publish",
                      "pages",          "dast_configuration"});
  }

  /// A job has one of script, run and trigger.
  void read_kind() {
    const auto trigger = field_.find("trigger");
    const bool script = field_.find("script").has_value();
    const bool run = field_.find("run").has_value();
    if (!trigger) {
      if (!script && !run)
        throw yaml::Error{job_.mark, field_.path() + ": script, run or trigger is missing"};
      if (script && run) fail_key("run", "cannot be used together with script");
      return;
    }
    constexpr std::string_view possible[] = {
        "trigger",     "stage",         "only",           "except",
        "rules",       "variables",     "inherit",        "when",
        "start_in",    "needs",         "parallel",       "allow_failure",
        "environment", "interruptible", "resource_group", "manual_confirmation"};
    for (const auto& entry : field_.node().entries().entries())
      if (std::find(std::begin(possible), std::end(possible), entry.key) == std::end(possible))
        fail_key(entry.key, "is not possible in a job with trigger");
    is_bridge_ = true;
    job_.trigger = read_trigger(*trigger, job_.refusals);
  }

  void read_stage() {
    job_.stage_mark = job_.mark;
    if (const auto stage = field_.find("stage")) {
      job_.stage = stage->text();
      job_.stage_mark = stage->mark();
    }
    if (std::find(root_.stages.begin(), root_.stages.end(), job_.stage) != root_.stages.end())
      return;
    std::string stages;
    for (const auto& stage : root_.stages) stages += (stages.empty() ? "" : ", ") + stage;
    throw yaml::Error{job_.stage_mark, field_.path() + ":stage: there is no stage '" + job_.stage +
                                           "'; there are " + stages};
  }

  void read_conditions() {
    const auto rules = field_.find("rules");
    if (rules && !rules->is_null()) {
      for (const auto* other : {"only", "except"})
        if (field_.find(other)) fail_key(other, "cannot be used together with rules");
      job_.rules = read_rules(*rules, RulesOf::job);
    }
    if (const auto only = field_.find("only"); only && !only->is_null())
      job_.only = read_policy(*only);
    if (const auto except = field_.find("except"); except && !except->is_null())
      job_.except = read_policy(*except);
  }

  void read_when() {
    if (const auto when = field_.find("when"))
      job_.when = *when_from(
          when->one_of({"on_success", "on_failure", "always", "manual", "delayed", "never"}));
    const auto start = field_.find("start_in");
    if (start) {
      if (job_.when != When::delayed) start->fail("is possible with when: delayed only");
      job_.start_in = start->duration();
    } else if (job_.when == When::delayed) {
      fail_key("when", "start_in is missing, which when: delayed needs");
    }
    if (const auto text = field_.find("manual_confirmation"))
      job_.manual_confirmation = text->text();
    if (const auto allow = field_.find("allow_failure"))
      job_.allow_failure = read_allow_failure(*allow);
  }

  void read_relations() {
    if (const auto needs = field_.find("needs"); needs && !needs->is_null()) {
      job_.needs = read_needs(*needs, job_.refusals);
      job_.needs_mark = needs->mark();
    }
    if (const auto dependencies = field_.find("dependencies");
        dependencies && !dependencies->is_null()) {
      job_.dependencies = dependencies->texts();
      job_.dependencies_mark = dependencies->mark();
    }
    if (const auto parallel = field_.find("parallel")) job_.parallel = read_parallel(*parallel);
  }

  void read_scripts() {
    const auto run = field_.find("run");
    if (run) {
      for (const auto* other : {"before_script", "after_script"})
        if (field_.find(other)) fail_key(other, "cannot be used together with run");
      check_run(*run);
      job_.run = run->ptr();
    } else {
      if (const auto before = inherited("before_script"); before && !before->is_null())
        job_.script = before->script();
      const auto script = *field_.find("script");
      auto lines = script.script();
      if (lines.empty() ||
          std::all_of(lines.begin(), lines.end(), [](const auto& line) { return line.empty(); }))
        script.fail("should not be empty");
      for (auto& line : lines) job_.script.push_back(std::move(line));
      if (const auto after = inherited("after_script"); after && !after->is_null())
        job_.after_script = after->script();
    }
    if (const auto hooks = inherited("hooks")) {
      hooks->only_keys({"pre_get_sources_script"});
      if (const auto hook = hooks->find("pre_get_sources_script"); hook && !hook->is_null())
        job_.pre_get_sources_script = hook->script();
    }
    if (const auto inputs = field_.find("inputs")) {
      check_job_inputs(*inputs);
      job_.inputs = inputs->ptr();
    }
  }

  void read_execution() {
    if (const auto image = inherited("image"); image && !image->is_null())
      job_.image = read_image(*image);
    if (const auto services = inherited("services")) job_.services = read_services(*services);
    if (const auto cache = inherited("cache")) job_.caches = read_caches(*cache);
    if (const auto artifacts = inherited("artifacts"))
      job_.artifacts = read_artifacts(*artifacts, notes_);
    if (const auto tags = inherited("tags")) read_tags(*tags);
    if (const auto retry = inherited("retry")) job_.retry = read_retry(*retry);
    if (const auto timeout = inherited("timeout")) job_.timeout = timeout->duration();
    if (const auto coverage = field_.find("coverage")) read_coverage(*coverage);
    read_pages();
  }

  void read_tags(const Field& field) {
    constexpr std::size_t max_tags = 50;
    for (const auto& item : field.items()) {
      if (item.is_list()) {
        for (auto& tag : item.texts()) job_.tags.push_back(std::move(tag));
      } else {
        job_.tags.push_back(item.text());
      }
    }
    if (job_.tags.size() > max_tags) field.fail("should not have more than 50 entries");
  }

  void read_coverage(const Field& field) {
    job_.coverage = field.text();
    const auto pattern = Pattern::from_slashes(job_.coverage);
    if (!pattern) field.fail("should be a regular expression between slashes, such as /\\d+%/");
    if (!pattern->ok())
      field.fail("the regular expression is not valid (" + pattern->error() + ")");
  }

  /// The site's directory becomes an artifact, as in GitLab; it is published nowhere.
  void read_pages() {
    const auto pages = field_.find("pages");
    const auto publish = field_.find("publish");
    if (pages && publish) fail_key("publish", "cannot be used together with pages");
    std::string directory = "public";
    if (publish) directory = publish->text();
    if (pages && pages->is_mapping()) {
      pages->only_keys({"path_prefix", "expire_in", "publish"});
      if (const auto field = pages->find("publish")) directory = field->text();
      if (const auto field = pages->find("path_prefix")) field->string();
      if (const auto field = pages->find("expire_in"); field && field->scalar() != "never")
        field->duration();
    } else if (pages && !pages->boolean()) {
      return;
    }
    if (!pages && !publish && job_.name != "pages") return;
    notes_.warn(job_.mark, field_.path() +
                               ": pages are not published locally; what would be is "
                               "kept as an artifact");
    if (!pages && !publish) return;
    if (!job_.artifacts) job_.artifacts.emplace();
    auto& paths = job_.artifacts->paths;
    if (std::find(paths.begin(), paths.end(), directory) == paths.end()) paths.push_back(directory);
  }

  void read_common() {
    if (const auto interruptible = inherited("interruptible"))
      job_.interruptible = interruptible->boolean();
    if (const auto group = field_.find("resource_group")) job_.resource_group = group->text();
    if (const auto environment = field_.find("environment"); environment && !environment->is_null())
      job_.environment = read_environment(*environment, notes_);
  }

  void read_refusals() {
    const auto refuse = [this](std::string_view key, const char* why) {
      const auto field = is_bridge_ ? field_.find(key) : inherited(key);
      if (!field || field->is_null()) return;
      const auto* own = field_.node().entries().find(key);
      job_.refusals.push_back({std::string{key}, why, own ? own->mark : field->mark()});
    };
    refuse("id_tokens", "there is no GitLab here to sign tokens");
    refuse("secrets", "secrets cannot be fetched locally; give them as variables");
    refuse("identity", "there is no cloud identity locally");
    refuse("release", "there is no GitLab here to make a release in");
    refuse("dast_configuration", "its profiles lie in GitLab");
  }

  const RootSpec& root_;
  const Field& field_;
  Notes& notes_;
  JobSpec job_;
  bool is_bridge_ = false;
};

}  // namespace

JobSpec read_job(const RootSpec& root, std::size_t index, Notes& notes) {
  return JobReader{root, index, notes}.run();
}

}  // namespace slipway::local::ci
