#include <nlohmann/json.hpp>

#include "ci_support.hpp"
#include "local/ci/duration.hpp"
#include "local/ci/payload.hpp"
#include "local/ci/views.hpp"

namespace slipway::local::ci {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> needs_of(const Pipeline& pipeline, const std::string& job) {
  std::vector<std::string> result;
  for (const auto& need : pipeline.find(job)->needs.value()) result.push_back(need.job);
  return result;
}

TEST(CiJobs, StandInTheOrderOfTheirStages) {
  const auto pipeline = compile_text(R"(
stages: [two, one, two]
c: {script: x, stage: one}
z: {script: x, stage: .post}
a: {script: x, stage: two}
p: {script: x, stage: .pre}
b: {script: x, stage: two}
)");
  EXPECT_THAT(names(pipeline), ElementsAre("p", "a", "b", "c", "z"));
  EXPECT_THAT(pipeline.stages, ElementsAre(".pre", "two", "one", ".post"));
  EXPECT_THAT(pipeline.find("c")->artifacts_from, ElementsAre("p", "a", "b"));
  EXPECT_THAT(pipeline.find("p")->artifacts_from, ElementsAre());
}

TEST(CiJobs, ParallelOnesHaveInstances) {
  const auto pipeline = compile_text(R"(
n: {script: x, parallel: 3}
m:
  script: x
  parallel: {matrix: [{OS: [linux, mac], ARCH: [x86, arm]}, {OS: win}]}
  variables: {OS: none, V: $OS-$ARCH}
)");
  EXPECT_THAT(names(pipeline),
              ElementsAre("n 1/3", "n 2/3", "n 3/3", "m: [linux, x86]", "m: [linux, arm]",
                          "m: [mac, x86]", "m: [mac, arm]", "m: [win]"));
  const auto& job = pipeline.jobs[4];
  const std::vector<std::pair<std::string, std::string>> want{
      {"OS", "linux"}, {"V", "linux-arm"}, {"ARCH", "arm"}};
  EXPECT_EQ(visible_variables(pipeline, job), want);
  EXPECT_EQ(job.all_variables.get("CI_NODE_INDEX"), "2");
  EXPECT_EQ(job.all_variables.get("CI_NODE_TOTAL"), "5");
  EXPECT_EQ(job.all_variables.get("CI_JOB_NAME"), "m: [linux, arm]");
  EXPECT_EQ(job.all_variables.get("CI_JOB_GROUP_NAME"), "m");
}

TEST(CiJobs, NeedsFindTheirInstances) {
  const auto pipeline = compile_text(R"(
a: {script: x, parallel: 2}
m: {script: x, parallel: {matrix: [{A: [1, 2], B: [x, y]}]}}
all: {script: x, needs: [a, m]}
one: {script: x, needs: ["a 2/2", "m: [1, y]"]}
some: {script: x, needs: [{job: m, artifacts: false, parallel: {matrix: [{A: 1, B: [x, y]}]}}]}
maybe: {script: x, needs: [{job: gone, optional: true}, {job: never, optional: true}]}
gone: {script: x, rules: [{when: never}]}
none: {script: x, needs: []}
twice: {script: x, needs: [a, {job: "a 1/2", artifacts: false}]}
pairs:
  script: x
  parallel: {matrix: [{A: [1, 2]}]}
  needs: [{job: m, parallel: {matrix: [{A: ['$[[ matrix.A ]]'], B: [x]}]}}]
)");
  EXPECT_THAT(needs_of(pipeline, "all"),
              ElementsAre("a 1/2", "a 2/2", "m: [1, x]", "m: [1, y]", "m: [2, x]", "m: [2, y]"));
  EXPECT_THAT(needs_of(pipeline, "one"), ElementsAre("a 2/2", "m: [1, y]"));
  EXPECT_THAT(needs_of(pipeline, "some"), ElementsAre("m: [1, x]", "m: [1, y]"));
  EXPECT_THAT(pipeline.find("some")->artifacts_from, ElementsAre());
  EXPECT_THAT(needs_of(pipeline, "maybe"), ElementsAre());
  EXPECT_THAT(needs_of(pipeline, "none"), ElementsAre());
  EXPECT_THAT(needs_of(pipeline, "twice"), ElementsAre("a 1/2", "a 2/2"));
  EXPECT_THAT(needs_of(pipeline, "pairs: [1]"), ElementsAre("m: [1, x]"));
  EXPECT_THAT(needs_of(pipeline, "pairs: [2]"), ElementsAre("m: [2, x]"));
  EXPECT_FALSE(pipeline.find("a 1/2")->needs);
}

TEST(CiJobs, ALongChainOfNeedsIsNoTrouble) {
  std::string text = "j0: {script: x}\n";
  for (int at = 1; at < 3000; ++at)
    text += "j" + std::to_string(at) + ": {script: x, needs: [j" + std::to_string(at - 1) + "]}\n";
  EXPECT_EQ(compile_text(text).jobs.size(), 3000u);
  text += "k: {script: x, needs: [l]}\nl: {script: x, needs: [j2999, k]}\n";
  EXPECT_THAT(World{text}.error(), HasSubstr("goes in a circle: k -> l -> k"));
}

TEST(CiJobs, CacheKeysAreMade) {
  World world{R"(
plain: {script: x, cache: {key: "$CI_COMMIT_REF_SLUG", paths: [a], fallback_keys: [f]}}
none: {script: x, cache: {paths: [a]}}
open: {script: x, cache: {key: k, paths: [a], unprotect: true}}
files: {script: x, cache: {key: {files: [lock]}, paths: [a]}}
prefixed: {script: x, cache: {key: {files: ['*.lock', gone], prefix: $CI_JOB_NAME}, paths: [a]}}
gone: {script: x, cache: [{key: k}, {key: {files: [gone]}, paths: [a]}]}
commits: {script: x, cache: {key: {files_commits: [lock]}, paths: [a]}}
)"};
  world.files.files["lock"] = "hello\n";
  world.files.files["a.lock"] = "hello\n";
  world.history.commits["lock"] = "0123";
  const auto pipeline = world.compile();
  const auto key = [&](const char* job, std::size_t at = 0) {
    return pipeline.find(job)->caches.at(at).key;
  };
  EXPECT_EQ(key("plain"), "$CI_COMMIT_REF_SLUG-protected");
  EXPECT_THAT(pipeline.find("plain")->caches[0].fallback_keys, ElementsAre("f-protected"));
  EXPECT_EQ(key("none"), "default-protected");
  EXPECT_EQ(key("open"), "k-non_protected");
  // SHA-1 of git's id of the blob, ce013625030ba8dba906f756967f9e9ca394464a.
  EXPECT_EQ(key("files"), "0-126780f1d4ae55fc826963e2e5d7ba7916e8903f-protected");
  EXPECT_EQ(key("prefixed").substr(0, 15), "$CI_JOB_NAME-12");
  EXPECT_EQ(key("gone", 1), "1-default-protected");
  EXPECT_EQ(key("commits").size(), std::string{"0--protected"}.size() + 40);
}

TEST(CiJobs, AChildPipelineIsCompiledFromItsTrigger) {
  World world{R"(
variables: {ROOT: r}
t:
  variables: {A: "$ROOT-a", RAW: {value: $ROOT, expand: false}}
  trigger:
    include: [{local: child.yml, inputs: {n: one}}, {artifact: gen.yml, job: make}]
    strategy: depend
    inputs: {m: two}
make: {script: x, stage: build}
)"};
  world.variable("USER", "u");
  world.files.files["child.yml"] =
      "spec: {inputs: {n: , m: }}\n---\n"
      "$[[ inputs.n ]]-$[[ inputs.m ]]: {script: x, variables: {A: child, B: $A}, "
      "rules: [{if: '$CI_PIPELINE_SOURCE == \"parent_pipeline\"'}]}\n";
  world.files.artifacts["make:gen.yml"] = "spec: {inputs: {m: }}\n---\nmade: {script: x}";
  const auto parent = world.compile();
  auto pipeline = compile_child(world.files, world.history, parent, *parent.find("t"), 7);
  EXPECT_THAT(names(pipeline), ElementsAre("one-two", "made"));
  const auto& job = *pipeline.find("one-two");
  EXPECT_EQ(job.all_variables.get("CI_PIPELINE_ID"), "7");
  EXPECT_EQ(job.all_variables.get("RAW"), "$ROOT");
  EXPECT_FALSE(job.all_variables.find("USER"));
  // What the parent hands on wins, as a trigger's variables do.
  const std::vector<std::pair<std::string, std::string>> want{{"A", "r-a"}, {"B", "r-a"}};
  EXPECT_EQ(visible_variables(pipeline, job), want);
  EXPECT_EQ(pipeline.sources.chain(job.spec->mark).at(0), ".gitlab-ci.yml:6:15");

  world.files.artifacts.clear();
  try {
    compile_child(world.files, world.history, parent, *parent.find("t"), 8);
    ADD_FAILURE() << "accepted";
  } catch (const ConfigError& error) {
    EXPECT_THAT(error.what(), HasSubstr(".gitlab-ci.yml:6:53: trigger:include[1]: 'make:gen.yml'"));
  }
}

TEST(CiPayload, IsWhatGitlabSends) {
  World world{R"(
image:
  name: docker:24-cli
  pull_policy: [always, if-not-present]
  docker: {user: 1000, platform: linux/arm64}
services: [{name: "docker:24-dind", alias: engine, command: [--mtu, "1400"], variables: {A: $B}}]
before_script: docker info
variables:
  DOCKER_TLS_CERTDIR: /certs
  DOCKER_CERT_PATH: $DOCKER_TLS_CERTDIR/client
  NUM: 010
  RAW: {value: $X, expand: false}
j:
  script: [make]
  artifacts:
    name: n
    paths: [a]
    exclude: [b]
    when: always
    expire_in: 1 week
    reports:
      dotenv: build.env
      codequality: [q.json]
      coverage_report: {coverage_format: cobertura, path: c.xml}
  cache: {paths: [c], policy: pull, when: on_failure, untracked: true}
)"};
  world.options.facts.project_path = "acme/kite";
  world.options.facts.sha = "0123456789abcdef0123456789abcdef01234567";
  world.options.facts.ref = "dev";
  world.options.facts.pipeline_id = 9;
  world.options.facts.ref_protected = false;
  const auto pipeline = world.compile();
  const auto payload = make_payload(pipeline, *pipeline.find("j"));
  EXPECT_EQ(payload["image"], json::parse(R"({"name":"docker:24-cli",
    "pull_policy":["always","if-not-present"],
    "executor_opts":{"docker":{"platform":"linux/arm64","user":"1000"}}})"));
  EXPECT_EQ(payload["services"], json::parse(R"([{"name":"docker:24-dind","alias":"engine",
    "command":["--mtu","1400"],"variables":[{"key":"A","value":"$B","public":true,
    "masked":false,"raw":false,"file":false}]}])"));
  EXPECT_EQ(payload["steps"][0]["script"], json::parse(R"(["docker info","make"])"));
  EXPECT_EQ(payload["artifacts"], json::parse(R"([
    {"name":"n","untracked":false,"paths":["a"],"exclude":["b"],"when":"always",
     "expire_in":"1 week","artifact_type":"archive","artifact_format":"zip"},
    {"name":".env","paths":["build.env"],"when":"always","expire_in":"1 week",
     "artifact_type":"dotenv","artifact_format":"gzip"},
    {"name":"gl-code-quality-report.json","paths":["q.json"],"when":"always",
     "expire_in":"1 week","artifact_type":"codequality","artifact_format":"raw"},
    {"name":"cobertura-coverage.xml","paths":["c.xml"],"when":"always","expire_in":"1 week",
     "artifact_type":"cobertura","artifact_format":"gzip"}])"));
  EXPECT_EQ(payload["cache"], json::parse(R"([{"key":"default-non_protected","untracked":true,
    "paths":["c"],"policy":"pull","when":"on_failure"}])"));
  EXPECT_EQ(payload["git_info"]["refspecs"], json::parse(R"(["+refs/pipelines/9:refs/pipelines/9",
    "+refs/heads/dev:refs/remotes/origin/dev"])"));
  EXPECT_EQ(payload["git_info"]["protected"], false);
  EXPECT_EQ(payload["job_info"]["project_full_path"], "acme/kite");
  std::map<std::string, json> variables;
  for (const auto& entry : payload["variables"]) variables[entry["key"]] = entry;
  EXPECT_EQ(variables["DOCKER_CERT_PATH"]["value"], "/certs/client");
  EXPECT_EQ(variables["NUM"]["value"], "8");
  EXPECT_EQ(variables["RAW"]["raw"], true);
  EXPECT_EQ(variables["RAW"]["value"], "$X");
  EXPECT_EQ(variables["CI_JOB_TOKEN"]["masked"], true);
  EXPECT_EQ(variables["CI_JOB_TOKEN"]["public"], false);
  EXPECT_EQ(variables["CI_COMMIT_SHORT_SHA"]["value"], "01234567");
  EXPECT_FALSE(payload.contains("x_tags"));
}

TEST(CiPayload, TagsAndDepth) {
  World world{
      "variables: {GIT_DEPTH: 5}\nj: {script: x}\nk: {script: x, variables: {GIT_DEPTH: 0}}"};
  world.options.facts.is_tag = true;
  world.options.facts.ref = "v1";
  const auto pipeline = world.compile();
  const auto j = make_payload(pipeline, *pipeline.find("j"))["git_info"];
  EXPECT_EQ(j["depth"], 5);
  EXPECT_EQ(j["ref_type"], "tag");
  EXPECT_EQ(j["refspecs"][1], "+refs/tags/v1:refs/tags/v1");
  const auto k = make_payload(pipeline, *pipeline.find("k"))["git_info"];
  EXPECT_EQ(k["depth"], 0);
  EXPECT_EQ(k["refspecs"][1], "+refs/heads/*:refs/remotes/origin/*");
}

TEST(CiViews, ListAndGraph) {
  const auto pipeline = compile_text(R"(
variables: {A: $CI_COMMIT_BRANCH, B: "$A/$UNKNOWN/$CI_JOB_ID/$CI_PROJECT_DIR/$$x"}
a: {script: x, stage: build, image: i, services: [s]}
b: {script: x, when: manual}
c: {script: x, needs: [a], environment: e, tags: [t]}
d: {script: x, stage: deploy, needs: []}
)");
  const auto list = list_json(pipeline)["jobs"];
  ASSERT_EQ(list.size(), 4u);
  EXPECT_EQ(list[0]["name"], "a");
  EXPECT_EQ(list[0]["stage"], "build");
  EXPECT_EQ(list[0]["needs"], nullptr);
  EXPECT_EQ(list[0]["image"], "i");
  EXPECT_EQ(list[0]["services"], json{"s"});
  EXPECT_EQ(list[0]["variables"]["B"], "main//$CI_JOB_ID//builds/local/project/$x");
  EXPECT_EQ(list[1]["when"], "manual");
  EXPECT_EQ(list[1]["allow_failure"], true);
  EXPECT_EQ(list[2]["needs"], json{"a"});
  EXPECT_EQ(list[2]["environment"], "e");
  EXPECT_EQ(list[3]["needs"], json::array());
  EXPECT_EQ(list_text(pipeline),
            "STAGE   JOB  WHEN        NEEDS\n"
            "build   a    on_success\n"
            "test    b    manual\n"
            "test    c    on_success  a\n"
            "deploy  d    on_success  nothing\n");
  EXPECT_EQ(graph_text(pipeline),
            "build\n  a\ntest\n  b (manual) (may fail)\n  c <- a\ndeploy\n  d <- at once\n");
  const auto dot = graph_dot(pipeline);
  EXPECT_THAT(dot, HasSubstr("\"b\" [style=dashed];"));
  EXPECT_THAT(dot, HasSubstr("\"a\" -> \"b\";\n  \"a\" -> \"c\";\n}"));
}

TEST(CiDuration, Words) {
  const std::pair<const char*, int> good[] = {{"90", 90},
                                              {"1h", 3600},
                                              {"1h 30m", 5400},
                                              {"2 hrs 20 min", 8400},
                                              {"2h20min", 8400},
                                              {"3 weeks and 2 days", 23 * 86400},
                                              {"1 week", 604800},
                                              {"1 day", 86400},
                                              {"6 mos 1 day", 181 * 86400},
                                              {"1.5 hours", 5400},
                                              {"3 mins 4 sec", 184},
                                              {"1:30:00", 5400},
                                              {"1:30", 90},
                                              {"1 hour, 5 minutes", 3900},
                                              {"47 yrs", 47 * 365 * 86400}};
  for (const auto& [text, seconds] : good) {
    ASSERT_TRUE(parse_duration(text)) << text;
    EXPECT_EQ(parse_duration(text)->count(), seconds) << text;
  }
  for (const auto* text : {"", "0", "soon", "1 fortnight", "h", "-1h", "1h x", "1..5h", ":",
                           "1:", "9999999999 years", "and ", "1:2:3:4"})
    EXPECT_FALSE(parse_duration(text)) << text;
}

}  // namespace
}  // namespace slipway::local::ci
