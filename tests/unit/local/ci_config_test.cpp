#include <nlohmann/json.hpp>

#include "ci_support.hpp"
#include "local/ci/merge.hpp"
#include "local/ci/payload.hpp"
#include "local/ci/views.hpp"
#include "local/yaml/emit.hpp"
#include "local/yaml/parse.hpp"

namespace slipway::local::ci {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> script_of(const Pipeline& pipeline, const std::string& job = "j") {
  const auto* found = pipeline.find(job);
  return found ? found->spec->script : std::vector<std::string>{"no such job"};
}

struct MergeCase {
  const char* base;
  const char* over;
  const char* result;
};

TEST(CiMerge, MappingsMergeAndTheRestReplaces) {
  const MergeCase cases[] = {
      {"{a: 1}", "{b: 2}", "a: 1\nb: 2\n"},
      {"{a: 1, b: 1}", "{a: 2}", "a: 2\nb: 1\n"},
      {"{a: {x: 1, y: 1}}", "{a: {y: 2, z: 2}}", "a:\n  x: 1\n  y: 2\n  z: 2\n"},
      {"{a: [1, 2]}", "{a: [3]}", "a:\n  - 3\n"},
      {"{a: {x: 1}}", "{a: text}", "a: text\n"},
      {"{a: text}", "{a: {x: 1}}", "a:\n  x: 1\n"},
      {"{a: {x: 1}}", "{a: }", "a: null\n"},
      {"{}", "{a: 1}", "a: 1\n"},
  };
  for (const auto& c : cases)
    EXPECT_EQ(yaml::emit(*deep_merge(yaml::parse(c.base, {}).root, yaml::parse(c.over, {}).root)),
              c.result);
}

TEST(CiMerge, ExtendsTakesParentsInOrder) {
  const auto pipeline = compile_text(R"(
.a: {image: a, variables: {A: a, X: a}, script: [a]}
.b: {extends: .a, variables: {B: b, X: b}}
.c: {image: c, tags: [c]}
j: {extends: [.b, .c], variables: {X: j}, script: [j]}
)");
  const auto& job = *pipeline.find("j");
  EXPECT_EQ(job.spec->image->name, "c");
  EXPECT_THAT(job.tags, ElementsAre("c"));
  EXPECT_THAT(script_of(pipeline), ElementsAre("j"));
  const std::vector<std::pair<std::string, std::string>> want{{"A", "a"}, {"X", "j"}, {"B", "b"}};
  EXPECT_EQ(visible_variables(pipeline, job), want);
}

TEST(CiMerge, ReferencesReachIntoEverythingAndThroughEachOther) {
  const auto pipeline = compile_text(R"(
.setup: {script: [one, two], list: [!reference [.more, x]]}
.more: {x: [three, !reference [.last, y, z]]}
.last: {y: {z: four}}
j:
  script: [zero, !reference [.setup, script], !reference [.setup, list]]
  variables: !reference [.vars, variables]
  rules: [!reference [.vars, rules], {when: never}]
.vars: {variables: {A: b}, rules: [{if: $CI, when: manual}]}
)");
  EXPECT_THAT(script_of(pipeline), ElementsAre("zero", "one", "two", "three", "four"));
  EXPECT_EQ(pipeline.find("j")->when, When::manual);
  EXPECT_EQ(visible_variables(pipeline, *pipeline.find("j"))[0].second, "b");
}

TEST(CiInclude, LocalFilesMergeInOrderAndTheIncludingFileWins) {
  World world{R"(
include: [/ci/a.yml, {local: ci/b.yml}, 'more/*.yml']
j: {script: [root]}
)"};
  world.files.files["ci/a.yml"] = "j: {script: [a], image: a, stage: build}\nonly_a: {script: x}";
  world.files.files["ci/b.yml"] = "include: /ci/c.yml\nj: {image: b}";
  world.files.files["ci/c.yml"] = "j: {image: c, tags: [c]}";
  world.files.files["more/1.yml"] = "one: {script: x}";
  world.files.files["more/2.yml"] = "two: {script: x}";
  world.files.files["more/sub/3.yml"] = "three: {script: x}";
  const auto pipeline = world.compile();
  EXPECT_THAT(names(pipeline), ElementsAre("j", "only_a", "one", "two"));
  EXPECT_THAT(script_of(pipeline), ElementsAre("root"));
  EXPECT_EQ(pipeline.find("j")->spec->image->name, "b");
  EXPECT_THAT(pipeline.find("j")->tags, ElementsAre("c"));
}

TEST(CiInclude, ProjectsBringTheirOwnLocalFiles) {
  World world{"include: {project: $GROUP/tools, ref: v1, file: [/a.yml, b.yml]}\nj: {script: x}"};
  world.variable("GROUP", "acme");
  world.files.projects["acme/tools@v1"] = {
      {"a.yml", "include: {local: deep/c.yml}\na: {script: x}"},
      {"b.yml", "b: {script: x}"},
      {"deep/c.yml", "c: {script: x}"}};
  const auto pipeline = world.compile();
  EXPECT_THAT(names(pipeline), ElementsAre("c", "a", "b", "j"));
  EXPECT_EQ(pipeline.sources.describe(pipeline.find("c")->spec->mark), "acme/tools:deep/c.yml:1:1");
}

TEST(CiInclude, RemoteFilesTemplatesAndComponents) {
  World world{R"(
include:
  - https://example.org/r.yml
  - template: Jobs/T.gitlab-ci.yml
  - component: $CI_SERVER_FQDN/acme/parts/lint@2
    inputs: {stage: build, level: 3}
  - component: host/acme/parts/big@2
  - remote: https://example.org/s.yml
    integrity: sha256-V1n/rPE7lqQtIWRtoSzC4rrVNeo40lkWaZ4rnjpO3XU=
j: {script: x}
)"};
  world.files.urls["https://example.org/r.yml"] = "r: {script: x}";
  world.files.urls["https://example.org/s.yml"] = "s: {script: x}";
  world.files.templates["Jobs/T.gitlab-ci.yml"] = "t: {script: x}";
  world.files.projects["acme/parts@2"] = {
      {"templates/lint.yml",
       "spec: {inputs: {stage: {default: test}, level: {type: number}}}\n---\n"
       "lint-$[[ inputs.stage ]]: {script: 'lint $[[ inputs.level ]]', retry: 1, "
       "stage: $[[ inputs.stage ]]}"},
      {"templates/big/template.yml", "big: {script: x}"}};
  try {
    const auto pipeline = world.compile();
    ADD_FAILURE() << "the hash is wrong";
  } catch (const ConfigError& error) {
    EXPECT_THAT(error.message(), HasSubstr("does not have the hash"));
    EXPECT_EQ(error.line(), 8u);
  }
  auto& root = world.files.files[".gitlab-ci.yml"];
  root.erase(root.find("    integrity"), root.find("j: {") - root.find("    integrity"));
  const auto pipeline = world.compile();
  EXPECT_THAT(names(pipeline), ElementsAre("lint-build", "r", "t", "big", "s", "j"));
  EXPECT_THAT(script_of(pipeline, "lint-build"), ElementsAre("lint 3"));
}

TEST(CiInclude, RulesDecide) {
  World world{R"(
include:
  - {local: a.yml, rules: [{if: $WANT == "a"}]}
  - {local: b.yml, rules: [{if: $WANT == "b"}]}
  - {local: c.yml, rules: [{exists: [a.yml], when: never}, {when: always}]}
  - {local: d.yml, rules: [{exists: [nope]}, {changes: [src/*]}]}
j: {script: x}
)"};
  for (const auto* name : {"a", "b", "c", "d"})
    world.files.files[std::string{name} + ".yml"] = std::string{name} + ": {script: x}";
  world.variable("WANT", "a");
  world.history.changed = std::vector<std::string>{"src/x"};
  EXPECT_THAT(names(world.compile()), ElementsAre("a", "d", "j"));
}

TEST(CiInclude, LocalWildcardsInSubdirectories) {
  World world{"include: '/ci/**.yml'\nj: {script: x}"};
  world.files.files["ci/a.yml"] = "a: {script: x}";
  world.files.files["ci/x/b.yml"] = "b: {script: x}";
  world.files.files["ci/x/c.yaml"] = "c: {script: x}";
  EXPECT_THAT(names(world.compile()), ElementsAre("a", "b", "j"));
}

TEST(CiInputs, TypesAreKeptAndFunctionsApplied) {
  World world{R"(spec:
  inputs:
    name: {default: build}
    count: {type: number, default: 2}
    flag: {type: boolean, default: true}
    rules: {type: array, default: [{if: $CI, when: manual}]}
    text: {default: 'a b; $CI_COMMIT_BRANCH'}
---
"$[[ inputs.name ]]-job":
  script:
    - echo "$[[ inputs.text | expand_vars ]]"
    - $[[ inputs.name | truncate(1,3) ]]
    - $[[ inputs.text | expand_vars | posix_escape ]]
    - $[[ inputs.text | posix_quote ]]
    - $[[ matrix.A ]]
  parallel: $[[ inputs.count ]]
  interruptible: $[[ inputs.flag ]]
  rules: $[[ inputs.rules ]]
)"};
  const auto pipeline = world.compile();
  EXPECT_THAT(names(pipeline), ElementsAre("build-job 1/2", "build-job 2/2"));
  const auto& job = pipeline.jobs[0];
  EXPECT_TRUE(job.interruptible);
  EXPECT_EQ(job.when, When::manual);
  EXPECT_THAT(job.spec->script, ElementsAre("echo \"a b; main\"", "uil", "a\\ b\\;\\ main",
                                            "a b; $CI_COMMIT_BRANCH", "$[[ matrix.A ]]"));
}

TEST(CiInputs, TheFirstFileGetsItsOwn) {
  World world{"spec: {inputs: {image: }}\n---\nj: {script: x, image: $[[ inputs.image ]]}"};
  EXPECT_THAT(world.error(), HasSubstr("inputs:image: a value must be given"));
  world.options.inputs["image"] = yaml::Node::string({}, "alpine");
  EXPECT_EQ(world.compile().find("j")->spec->image->name, "alpine");
}

TEST(CiConfig, OddButAcceptedThingsAreWarnedOf) {
  struct Case {
    const char* text;
    const char* says;
  };
  const Case cases[] = {
      {"j: {script: x, script: y}", "'script' stands twice"},
      {"a: 1\n---\nj: {script: x}", "no header"},
      {"j: {script: !odd x}", "!odd"},
      {"pages: {script: x}", "not published"},
      {"j: {script: x, environment: {name: a, kubernetes: {namespace: b}}}", "no effect locally"},
      {"j: {script: x, artifacts: {paths: [a], expose_as: b}}", "no merge request"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.text);
    World world{c.text};
    if (world.error().empty()) {
      const auto pipeline = world.compile();
      ASSERT_EQ(pipeline.warnings.size(), 1u);
      EXPECT_THAT(pipeline.warnings[0].text, HasSubstr(c.says));
    } else {
      EXPECT_THAT(world.error(), HasSubstr("jobs:a"));
    }
  }
}

TEST(CiConfig, DefaultsAreTakenOverAsInheritSays) {
  const auto pipeline = compile_text(R"(
default: {image: a, before_script: [b], tags: [t], retry: 1}
variables: {A: 1, B: 2}
all: {script: x}
none: {script: x, inherit: {default: false, variables: false}}
some: {script: x, inherit: {default: [image], variables: [B]}}
own: {script: x, image: o, before_script: [], tags: []}
)");
  const auto image = [&](const char* job) {
    const auto& spec = *pipeline.find(job)->spec;
    return spec.image ? spec.image->name : "";
  };
  EXPECT_EQ(image("all"), "a");
  EXPECT_EQ(image("none"), "");
  EXPECT_EQ(image("some"), "a");
  EXPECT_EQ(image("own"), "o");
  EXPECT_THAT(script_of(pipeline, "all"), ElementsAre("b", "x"));
  EXPECT_THAT(script_of(pipeline, "none"), ElementsAre("x"));
  EXPECT_THAT(script_of(pipeline, "some"), ElementsAre("x"));
  EXPECT_THAT(script_of(pipeline, "own"), ElementsAre("x"));
  EXPECT_TRUE(pipeline.find("own")->tags.empty());
  EXPECT_EQ(pipeline.find("all")->variables.size(), 2u);
  EXPECT_EQ(pipeline.find("none")->variables.size(), 0u);
  EXPECT_EQ(pipeline.find("some")->variables.at(0).key, "B");
}

TEST(CiConfig, ThePreviewIsTheMergedConfiguration) {
  World world{".a: {script: [x, y]}\ninclude: b.yml\nj: {extends: .a, tags: !reference [.t, x]}"};
  world.files.files["b.yml"] = ".t: {x: [t]}";
  EXPECT_EQ(preview(world.compile()),
            ".t:\n  x:\n    - t\n.a:\n  script:\n    - x\n    - y\n"
            "j:\n  script:\n    - x\n    - y\n  tags:\n    - t\n");
}

}  // namespace
}  // namespace slipway::local::ci
