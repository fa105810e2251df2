#include "ci_support.hpp"
#include "local/ci/views.hpp"

namespace slipway::local::ci {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// What becomes of a job `j` with these keywords: `out`, or its `when` (and `!` if it may fail).
std::string outcome(const std::string& keywords, World world = {}) {
  world.files.files[".gitlab-ci.yml"] = "j: {script: x, " + keywords + "}\nk: {script: x}";
  world.files.files["src/deep/a.c"] = "";
  world.files.files["Dockerfile"] = "";
  const auto pipeline = world.compile();
  const auto* job = pipeline.find("j");
  if (!job) return "out";
  return std::string{name_of(job->when)} + (job->allow_failure.always ? "!" : "");
}

struct RuleCase {
  const char* keywords;
  const char* outcome;
};

World with_changes() {
  World world;
  world.history.changed = std::vector<std::string>{"src/deep/a.c", "README.md"};
  world.history.changed_since["origin/main"] = {"docs/x.md"};
  world.variable("DIR", "src");
  world.variable("BASE", "origin/main");
  return world;
}

TEST(CiRules, TheFirstThatIsMetDecides) {
  const RuleCase cases[] = {
      {"rules: []", "out"},
      {"rules: [{when: never}]", "out"},
      {"rules: [{when: always}]", "always"},
      {"rules: [{if: $NONE}]", "out"},
      {"rules: [{if: $CI}]", "on_success"},
      {"rules: [{if: $CI}], when: always", "always"},
      {"rules: [{if: $CI, when: manual}]", "manual"},
      {"rules: [{if: $CI, when: manual, allow_failure: true}]", "manual!"},
      {"rules: [{if: $CI}], allow_failure: true", "on_success!"},
      {"rules: [{if: $CI, allow_failure: false}], allow_failure: true", "on_success"},
      {"rules: [{if: $CI, when: delayed, start_in: 1 hour}]", "delayed"},
      {"rules: [{if: $NONE}, {if: $CI, when: on_failure}, {when: never}]", "on_failure"},
      {"rules: [{if: $CI, when: never}, {when: always}]", "out"},
      {"rules: [[{if: $NONE}], [[{if: $CI, when: always}]]]", "always"},
      {"rules: [{if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH}]", "on_success"},
      {"rules: [{if: $CI_PIPELINE_SOURCE == \"push\"}]", "on_success"},
      {"rules: [{if: $CI_COMMIT_TAG}]", "out"},
      {"rules: [{if: '$MINE == \"yes\"'}], variables: {MINE: 'yes'}", "on_success"},
      // Variables are compared as they are written, as GitLab does.
      {"rules: [{if: '$MINE == \"main\"'}], variables: {MINE: $CI_COMMIT_BRANCH}", "out"},
      {"when: manual", "manual!"},
      {"when: manual, allow_failure: false", "manual"},
      {"when: never", "out"},
      {"rules: ", "on_success"},
      {"rules: [{exists: [Dockerfile]}]", "on_success"},
      {"rules: [{exists: [nope, Dockerfile]}]", "on_success"},
      {"rules: [{exists: [src]}]", "out"},
      {"rules: [{exists: ['src/**/*.c']}]", "on_success"},
      {"rules: [{exists: ['*.c']}]", "out"},
      {"rules: [{exists: ['**/*.{c,h}']}]", "on_success"},
      {"rules: [{exists: [$DIR/deep/a.c]}]", "on_success"},
      {"rules: [{exists: {paths: [Dockerfile]}}]", "on_success"},
      {"rules: [{exists: {regexp: '\\.c$'}}]", "on_success"},
      {"rules: [{exists: {regexp: '^\\.c$'}}]", "out"},
      {"rules: [{changes: [README.md]}]", "on_success"},
      {"rules: [{changes: [src]}]", "out"},
      {"rules: [{changes: ['src/*']}]", "out"},
      {"rules: [{changes: ['src/**/*']}]", "on_success"},
      {"rules: [{changes: [$DIR/deep/*]}]", "on_success"},
      {"rules: [{changes: {paths: [docs/*]}}]", "out"},
      {"rules: [{changes: {paths: [docs/*], compare_to: origin/main}}]", "on_success"},
      {"rules: [{changes: {paths: [docs/*], compare_to: $BASE}}]", "on_success"},
      {"rules: [{changes: {regexp: '^READ'}}]", "on_success"},
      {"rules: [{if: $CI, changes: [README.md], exists: [Dockerfile]}]", "on_success"},
      {"rules: [{if: $CI, changes: [README.md], exists: [nope]}]", "out"},
      {"rules: [{if: $NONE, changes: [README.md]}]", "out"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.keywords);
    EXPECT_EQ(outcome(c.keywords, with_changes()), c.outcome);
  }
}

TEST(CiRules, WithoutHistoryEverythingCountsAsChanged) {
  EXPECT_EQ(outcome("rules: [{changes: [nowhere]}]"), "on_success");
}

TEST(CiRules, OtherProjectsCanBeLookedInto) {
  World world;
  world.files.projects["acme/x@v1"] = {{"there", ""}};
  EXPECT_EQ(outcome("rules: [{exists: {paths: [there], project: acme/x, ref: v1}}]", world),
            "on_success");
  EXPECT_EQ(outcome("rules: [{exists: {paths: [here], project: acme/x, ref: v1}}]", world), "out");
}

TEST(CiRules, TheRuleBringsVariablesAndNeeds) {
  const auto pipeline = compile_text(R"(
variables: {A: root, B: root}
a: {script: x}
b: {script: x}
j:
  script: x
  needs: [a]
  variables: {A: job}
  rules:
    - {if: $NONE, variables: {A: never}}
    - {if: $CI, variables: {A: rule, C: rule}, needs: [b], interruptible: true}
)");
  const auto& job = *pipeline.find("j");
  const std::vector<std::pair<std::string, std::string>> want{
      {"A", "rule"}, {"B", "root"}, {"C", "rule"}};
  EXPECT_EQ(visible_variables(pipeline, job), want);
  EXPECT_EQ(job.needs, (std::vector<Need>{{"b", true}}));
  EXPECT_TRUE(job.interruptible);
}

TEST(CiRules, OnlyAndExcept) {
  const RuleCase cases[] = {
      {"only: [main]", "on_success"},
      {"only: main", "on_success"},
      {"only: [dev]", "out"},
      {"only: [/^ma/]", "on_success"},
      {"only: [/^MA/i]", "on_success"},
      {"only: [/^ma/@local/project]", "on_success"},
      {"only: [main@acme/other]", "out"},
      {"only: [branches]", "on_success"},
      {"only: [tags]", "out"},
      {"only: [pushes]", "on_success"},
      {"only: [web, schedules]", "out"},
      {"only: [merge_requests]", "out"},
      {"only: {refs: [main], variables: [$NONE]}", "out"},
      {"only: {variables: ['$CI == \"true\"']}", "on_success"},
      {"only: {variables: [$NONE, $CI]}", "on_success"},
      {"only: {kubernetes: active}", "out"},
      {"only: {changes: [README.md]}", "on_success"},
      {"only: {changes: [docs/*]}", "out"},
      {"except: [main]", "out"},
      {"except: [dev]", "on_success"},
      {"except: {variables: [$CI]}", "out"},
      {"except: {refs: [dev], variables: [$CI]}", "out"},
      {"except: {changes: [docs/*]}", "on_success"},
      {"only: [main], except: [branches]", "out"},
      {"only: [main], when: manual", "manual!"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.keywords);
    EXPECT_EQ(outcome(c.keywords, with_changes()), c.outcome);
  }
  World tag;
  tag.options.facts.is_tag = true;
  tag.options.facts.ref = "v1";
  EXPECT_EQ(outcome("only: [tags]", tag), "on_success");
  EXPECT_EQ(outcome("only: [branches]", tag), "out");
  World request;
  request.options.facts.source = "merge_request_event";
  EXPECT_EQ(outcome("only: [merge_requests]", request), "on_success");
}

TEST(CiRules, WorkflowDecidesOnThePipeline) {
  World world{R"(
variables: {A: root, B: root}
workflow:
  name: 'build $B'
  rules:
    - {if: '$MODE == "off"', when: never}
    - if: $MODE == "on"
      variables: {B: workflow, A: workflow}
      auto_cancel: {on_job_failure: all}
j: {script: x, variables: {A: job}}
)"};
  auto none = world.compile();
  EXPECT_FALSE(none.runs);
  EXPECT_EQ(none.why_not, "no rule of workflow is met");
  EXPECT_THAT(none.jobs, IsEmpty());

  world.variable("MODE", "off");
  EXPECT_EQ(world.compile().why_not, "rule 1 of workflow says never");
  EXPECT_THAT(explain(world.compile(), "j"), HasSubstr("the pipeline is not made: rule 1"));

  world.variable("MODE", "on");
  const auto pipeline = world.compile();
  EXPECT_TRUE(pipeline.runs);
  EXPECT_EQ(pipeline.name, "build workflow");
  EXPECT_EQ(pipeline.auto_cancel.on_job_failure, "all");
  const std::vector<std::pair<std::string, std::string>> want{{"A", "job"}, {"B", "workflow"}};
  EXPECT_EQ(visible_variables(pipeline, *pipeline.find("j")), want);
}

TEST(CiRules, APipelineNeedsAnOrdinaryJob) {
  EXPECT_EQ(compile_text("j: {script: x, rules: [{when: never}]}").why_not,
            "no job is in the pipeline");
  EXPECT_THAT(compile_text("j: {script: x, stage: .pre}").why_not, HasSubstr(".pre and .post"));
  EXPECT_TRUE(compile_text("j: {script: x, stage: .pre}\nk: {script: x}").runs);
}

TEST(CiRules, ExplainGoesThroughThemOneByOne) {
  World world{R"(j:
  script: x
  rules:
    - if: $SECRET == "x" && $NONE
    - if: $CI_COMMIT_BRANCH == "main"
      changes: [src/*]
    - exists: [.gitlab-ci.yml]
      when: manual
      allow_failure: true
    - when: never
k: {script: x, rules: [{if: $NONE}]}
l: {script: x, needs: []}
)"};
  job::Variable secret;
  secret.key = "SECRET";
  secret.value = "hunter2";
  secret.masked = true;
  world.options.user_variables.add(secret);
  world.history.changed = std::vector<std::string>{"README"};
  const auto pipeline = world.compile();
  EXPECT_EQ(explain(pipeline, "j"),
            R"(j: in the pipeline, rule 3 is met
  stage test, defined at .gitlab-ci.yml:1:1
    rule 1 (.gitlab-ci.yml:4:7): not met
      no   if $SECRET == "x" && $NONE (SECRET = [MASKED], NONE is not set)
    rule 2 (.gitlab-ci.yml:5:7): not met
      yes  if $CI_COMMIT_BRANCH == "main" (CI_COMMIT_BRANCH = "main")
      no   changes src/*
    rule 3 (.gitlab-ci.yml:7:7): met, when: manual, allow_failure: true
      yes  exists .gitlab-ci.yml
    1 more not looked at
  runs manual
)");
  EXPECT_THAT(explain(pipeline, "k"),
              HasSubstr("k: not in the pipeline, none of its rules is met"));
  EXPECT_THAT(explain(pipeline, "l"), HasSubstr("it has no rules"));
  EXPECT_THAT(explain(pipeline, "l"), HasSubstr("waits for nothing"));
  EXPECT_EQ(explain(pipeline, "nope"), "");
}

}  // namespace
}  // namespace slipway::local::ci
