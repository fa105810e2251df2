#include <functional>
#include <nlohmann/json.hpp>

#include "ci_support.hpp"
#include "local/ci/payload.hpp"

// Every keyword of GitLab's CI schema has an effect or is refused by its name.
namespace slipway::local::ci {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

/// What a test can look at.
struct Seen {
  Pipeline pipeline;
  Job job;
  json payload;
};

struct Keyword {
  const char* name;
  const char* text;  ///< a whole configuration with a job `j`
  std::function<bool(const Seen&)> effect;
};

Seen see(const char* text) {
  World world{text};
  world.files.files["child.yml"] = "c: {script: x}";
  world.files.files["in.yml"] = "included: {script: x}";
  auto pipeline = world.compile();
  const auto* job = pipeline.find("j");
  EXPECT_NE(job, nullptr);
  auto copy = job ? *job : Job{};
  auto payload = job ? make_payload(pipeline, copy) : json{};
  return {std::move(pipeline), std::move(copy), std::move(payload)};
}

std::string variable(const Seen& s, const std::string& key) {
  std::string value = "(none)";
  for (const auto& entry : s.payload.at("variables"))
    if (entry.at("key") == key) value = entry.at("value");
  return value;
}

// The 38 keywords of a job.
const Keyword job_keywords[] = {
    {"image", "j: {script: x, image: {name: a, entrypoint: ['']}}",
     [](const Seen& s) {
       return s.payload["image"] == json{{"name", "a"}, {"entrypoint", {""}}};
     }},
    {"services", "j: {script: x, services: [redis, {name: pg, alias: db}]}",
     [](const Seen& s) {
       return s.payload["services"] == json{{{"name", "redis"}}, {{"name", "pg"}, {"alias", "db"}}};
     }},
    {"before_script", "j: {script: x, before_script: b}",
     [](const Seen& s) {
       return s.payload["steps"][0]["script"] == json{"b", "x"};
     }},
    {"after_script", "j: {script: x, after_script: [a]}",
     [](const Seen& s) {
       return s.payload["steps"][1]["name"] == "after_script" &&
              s.payload["steps"][1]["script"] == json{"a"};
     }},
    {"hooks", "j: {script: x, hooks: {pre_get_sources_script: [h]}}",
     [](const Seen& s) {
       return s.payload["hooks"] == json{{{"name", "pre_get_sources_script"}, {"script", {"h"}}}};
     }},
    {"rules", "j: {script: x, rules: [{when: manual}]}",
     [](const Seen& s) { return s.job.when == When::manual; }},
    {"variables", "j: {script: x, variables: {A: b}}",
     [](const Seen& s) { return variable(s, "A") == "b"; }},
    {"cache", "j: {script: x, cache: {key: k, paths: [p]}}",
     [](const Seen& s) {
       return s.payload["cache"][0]["key"] == "k-protected" &&
              s.payload["cache"][0]["paths"] == json{"p"};
     }},
    {"inputs", "j: {script: x, inputs: {n: {type: number, default: 3}}}",
     [](const Seen& s) {
       return s.payload["inputs"][0]["key"] == "n" &&
              s.payload["inputs"][0]["value"]["content"] == 3;
     }},
    {"script", "j: {script: [a, [b, [c]]]}",
     [](const Seen& s) {
       return s.payload["steps"][0]["script"] == json{"a", "b", "c"};
     }},
    {"run", "j: {run: [{name: a, script: b}]}",
     [](const Seen& s) {
       return json::parse(s.payload["run"].get<std::string>()) ==
              json{{{"name", "a"}, {"script", "b"}}};
     }},
    {"stage", "j: {script: x, stage: deploy}",
     [](const Seen& s) { return s.payload["job_info"]["stage"] == "deploy"; }},
    {"only", "k: {script: x, only: [tags]}\nj: {script: x, only: [main]}",
     [](const Seen& s) { return names(s.pipeline) == std::vector<std::string>{"j"}; }},
    {"except", "k: {script: x, except: [main]}\nj: {script: x, except: [tags]}",
     [](const Seen& s) { return names(s.pipeline) == std::vector<std::string>{"j"}; }},
    {"extends", ".a: {script: a, stage: build}\nj: {extends: .a, stage: test}",
     [](const Seen& s) {
       return s.payload["steps"][0]["script"] == json{"a"} && s.job.spec->stage == "test";
     }},
    {"needs", "a: {script: x}\nj: {script: x, needs: [a]}",
     [](const Seen& s) {
       return s.job.needs == std::vector<Need>{{"a", true}};
     }},
    {"tags", "j: {script: x, tags: [t, $CI_COMMIT_BRANCH]}",
     [](const Seen& s) {
       return s.job.tags == std::vector<std::string>{"t", "main"};
     }},
    {"allow_failure", "j: {script: x, allow_failure: {exit_codes: [1, 2]}}",
     [](const Seen& s) {
       return s.job.allow_failure.exit_codes == std::vector<int>{1, 2};
     }},
    {"timeout", "j: {script: x, timeout: 1h 30m}",
     [](const Seen& s) { return s.payload["runner_info"]["timeout"] == 5400; }},
    {"when", "j: {script: x, when: always}",
     [](const Seen& s) { return s.job.when == When::always; }},
    {"start_in", "j: {script: x, when: delayed, start_in: 30 minutes}",
     [](const Seen& s) { return s.job.when == When::delayed && s.job.start_in == "30 minutes"; }},
    {"manual_confirmation", "j: {script: x, when: manual, manual_confirmation: 'Sure?'}",
     [](const Seen& s) { return s.job.spec->manual_confirmation == "Sure?"; }},
    {"dependencies",
     "a: {script: x, stage: build}\nb: {script: x, stage: build}\nj: {script: x, dependencies: "
     "[b]}",
     [](const Seen& s) { return s.job.artifacts_from == std::vector<std::string>{"b"}; }},
    {"artifacts", "j: {script: x, artifacts: {paths: [a], reports: {junit: r.xml}}}",
     [](const Seen& s) {
       return s.payload["artifacts"][0]["paths"] == json{"a"} &&
              s.payload["artifacts"][1]["artifact_type"] == "junit" &&
              s.payload["artifacts"][1]["artifact_format"] == "gzip";
     }},
    {"environment",
     "j: {script: x, environment: {name: review/$CI_COMMIT_REF_SLUG, url: http://x}}",
     [](const Seen& s) {
       return s.job.environment == "review/main" &&
              variable(s, "CI_ENVIRONMENT_NAME") == "review/main" &&
              variable(s, "CI_ENVIRONMENT_URL") == "http://x";
     }},
    {"coverage", "j: {script: x, coverage: '/\\d+%/'}",
     [](const Seen& s) { return s.job.spec->coverage == "/\\d+%/"; }},
    {"retry", "j: {script: x, retry: {max: 2, when: [script_failure], exit_codes: 3}}",
     [](const Seen& s) {
       const auto& retry = *s.job.spec->retry;
       return retry.max == 2 && retry.when.size() == 1 && retry.exit_codes == std::vector<int>{3};
     }},
    {"parallel", "k: {script: x, parallel: 2}\nj: {script: x}",
     [](const Seen& s) {
       return names(s.pipeline) == std::vector<std::string>{"k 1/2", "k 2/2", "j"};
     }},
    {"interruptible", "j: {script: x, interruptible: true}",
     [](const Seen& s) { return s.job.interruptible; }},
    {"resource_group", "j: {script: x, resource_group: $CI_COMMIT_BRANCH-x}",
     [](const Seen& s) { return s.job.resource_group == "main-x"; }},
    {"trigger", "k: {script: x}\nj: {trigger: {include: child.yml, strategy: depend}}",
     [](const Seen& s) {
       return s.job.spec->trigger && s.job.spec->trigger->strategy == "depend";
     }},
    {"inherit", "image: a\nj: {script: x, inherit: {default: false}}",
     [](const Seen& s) { return s.payload["image"] == json::object(); }},
    {"publish", "j: {script: x, publish: site}",
     [](const Seen& s) { return s.payload["artifacts"][0]["paths"] == json{"site"}; }},
    {"pages", "j: {script: x, pages: {publish: site}}",
     [](const Seen& s) {
       return s.payload["artifacts"][0]["paths"] == json{"site"} && s.pipeline.warnings.size() == 1;
     }},
};

const Keyword root_keywords[] = {
    {"$schema", "$schema: https://example.org/x\nj: {script: x}", [](const Seen&) { return true; }},
    {"image", "image: a\nj: {script: x}",
     [](const Seen& s) { return s.payload["image"]["name"] == "a"; }},
    {"services", "services: [a]\nj: {script: x}",
     [](const Seen& s) { return s.payload["services"][0]["name"] == "a"; }},
    {"before_script", "before_script: [a]\nj: {script: x}",
     [](const Seen& s) {
       return s.payload["steps"][0]["script"] == json{"a", "x"};
     }},
    {"after_script", "after_script: [a]\nj: {script: x}",
     [](const Seen& s) { return s.payload["steps"].size() == 2; }},
    {"variables", "variables: {A: b}\nj: {script: x}",
     [](const Seen& s) { return variable(s, "A") == "b"; }},
    {"cache", "cache: {paths: [a]}\nj: {script: x}",
     [](const Seen& s) { return s.payload["cache"][0]["key"] == "default-protected"; }},
    {"default", "default: {image: a, interruptible: true}\nj: {script: x}",
     [](const Seen& s) { return s.payload["image"]["name"] == "a" && s.job.interruptible; }},
    {"stages", "stages: [one]\nj: {script: x, stage: one}",
     [](const Seen& s) { return s.pipeline.stages == std::vector<std::string>{"one"}; }},
    {"include", "include: in.yml\nj: {script: x}",
     [](const Seen& s) {
       return names(s.pipeline) == std::vector<std::string>{"included", "j"};
     }},
    {"pages", "pages: {script: x}\nj: {script: x}",
     [](const Seen& s) { return s.pipeline.find("pages") && !s.pipeline.warnings.empty(); }},
    {"workflow",
     "workflow: {name: $CI_COMMIT_BRANCH, auto_cancel: {on_job_failure: all}}\nj: {script: x}",
     [](const Seen& s) {
       return s.pipeline.name == "main" && s.pipeline.auto_cancel.on_job_failure == "all";
     }},
    {"!reference", ".a: {script: [y]}\nj: {script: [x, !reference [.a, script]]}",
     [](const Seen& s) {
       return s.payload["steps"][0]["script"] == json{"x", "y"};
     }},
    {"spec", "spec: {inputs: {n: {default: v}}}\n---\nj: {script: $[[ inputs.n ]]}",
     [](const Seen& s) { return s.payload["steps"][0]["script"] == json{"v"}; }},
};

TEST(CiKeywords, EachHasItsEffect) {
  for (const auto& keyword : job_keywords) {
    SCOPED_TRACE(keyword.name);
    EXPECT_TRUE(keyword.effect(see(keyword.text)));
  }
  for (const auto& keyword : root_keywords) {
    SCOPED_TRACE(keyword.name);
    EXPECT_TRUE(keyword.effect(see(keyword.text)));
  }
}

struct Refused {
  const char* name;
  const char* text;
  std::uint32_t line;
  std::uint32_t column;
};

const Refused refused[] = {
    {"id_tokens", "j: {script: x, id_tokens: {T: {aud: a}}}", 1, 16},
    {"secrets", "j: {script: x, secrets: {S: {vault: a/b@c}}}", 1, 16},
    {"identity", "j: {script: x, identity: google_cloud}", 1, 16},
    {"release", "j: {script: x, release: {tag_name: v, description: d}}", 1, 16},
    {"dast_configuration", "j: {script: x, dast_configuration: {}}", 1, 16},
    {"trigger", "j: {trigger: a/b}", 1, 14},
    {"trigger:project", "j: {trigger: {project: a/b}}", 1, 24},
    {"needs:project", "j: {script: x, needs: [{project: a/b, job: c, ref: d}]}", 1, 34},
    {"needs:pipeline", "j: {script: x, needs: [{pipeline: $P, job: c}]}", 1, 35},
    {"id_tokens", "default: {id_tokens: {T: {aud: a}}}\nj: {script: x}", 1, 22},
    {"identity", "default: {identity: google_cloud}\nj: {script: x}", 1, 21},
};

TEST(CiKeywords, WhatCannotBeHadIsRefusedByName) {
  for (const auto& c : refused) {
    SCOPED_TRACE(c.text);
    const auto pipeline = compile_text(c.text);
    ASSERT_EQ(pipeline.refusals.size(), 1u);
    EXPECT_EQ(pipeline.refusals[0].refusal.keyword, c.name);
    try {
      require_runnable(pipeline);
      ADD_FAILURE() << "accepted";
    } catch (const ConfigError& error) {
      EXPECT_THAT(error.message(),
                  HasSubstr(std::string{"jobs:j:"} + c.name + ": not supported locally"));
      EXPECT_EQ(error.line(), c.line);
      EXPECT_EQ(error.column(), c.column);
    }
  }
}

TEST(CiKeywords, ARefusalConcernsItsJobOnly) {
  const auto pipeline = compile_text(
      "j: {script: x}\nk: {script: x, secrets: {S: {vault: a}}}\n"
      "l: {script: x, release: {}, rules: [{when: never}]}");
  EXPECT_EQ(pipeline.refusals.size(), 1u);
  EXPECT_NO_THROW(require_runnable(pipeline, {"j"}));
  EXPECT_THROW(require_runnable(pipeline, {"k"}), ConfigError);
  EXPECT_THROW(require_runnable(pipeline), ConfigError);
}

}  // namespace
}  // namespace slipway::local::ci
