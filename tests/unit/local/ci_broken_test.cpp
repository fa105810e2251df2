#include "ci_support.hpp"

// Broken configurations: what is said of each, and where.
namespace slipway::local::ci {
namespace {

using ::testing::HasSubstr;

struct Broken {
  const char* text;
  std::uint32_t line;
  std::uint32_t column;
  const char* says;
};

void expect_broken(const Broken& c, World world) {
  SCOPED_TRACE(c.text);
  world.files.files[".gitlab-ci.yml"] = c.text;
  try {
    world.compile();
    ADD_FAILURE() << "accepted";
  } catch (const ConfigError& error) {
    EXPECT_THAT(error.message(), HasSubstr(c.says));
    EXPECT_EQ(error.file(), ".gitlab-ci.yml");
    EXPECT_EQ(std::pair(error.line(), error.column()), std::pair(c.line, c.column)) << error.what();
  }
}

const Broken root_cases[] = {
    {"", 0, 0, "the file is empty"},
    {"# nothing\n", 0, 0, "the file is empty"},
    {"- a\n", 1, 1, "should be a mapping of jobs and keywords, not a list"},
    {"text", 1, 1, "not a string"},
    {".hidden: {script: x}", 1, 1, "there is no visible job"},
    {"stages: [a]", 1, 1, "there is no visible job"},
    {"j:\n  script: x\n bad", 3, 2, "YAML"},
    {"j: {script: [x}", 1, 15, "YAML"},
    {"j: 1", 1, 1, "jobs:j: unknown keyword, or a job that is a number"},
    {"j:", 1, 1, "jobs:j: unknown keyword, or a job that is empty"},
    {"imgae: x\nj: {script: x}", 1, 1, "jobs:imgae: unknown keyword"},
    {"on: {script: x}", 1, 1, "'on' is read as a boolean"},
    {"~: {script: x}", 1, 1, "'~' is read as empty"},
    {"1: {script: x}", 1, 1, "'1' is read as a number"},
    {"'': {script: x}", 1, 1, "a job's name is empty"},
    {"nil: {script: x}", 1, 1, "cannot be the name of a job"},
    {"types: {script: x}", 1, 1, "cannot be the name of a job"},
    {"stages: a\nj: {script: x}", 1, 9, "stages: should be a list of strings, not a string"},
    {"stages: []\nj: {script: x}", 1, 9, "stages: should not be empty"},
    {"stages: [1]\nj: {script: x}", 1, 10, "stages[0]: should be a string, not a number"},
    {"stages: [{a: b}]\nj: {script: x}", 1, 10, "should be a string, not a mapping"},
    {"spec:\n  inputs:\nj: {script: x}", 1, 1, "spec belongs into a header"},
    {"spec: {inputs: {a: }}\n---\nj: {script: x}", 1, 16, "inputs:a: a value must be given"},
    {"spec: {inputs: {}}\nother: 1\n---\nj: {script: x}", 2, 1, "header: unknown key 'other'"},
    {"spec: {component: [name]}\n---\nj: {script: x}", 1, 8, "unknown key 'component'"},
    {"spec: {inputs: [a]}\n---\nj: {script: x}", 1, 16, "spec:inputs: should be a mapping"},
    {"spec: {inputs: {a: {type: float, default: 1}}}\n---\nj: {script: x}", 1, 27, "one of"},
    {"spec: {inputs: {a: {type: number, default: x}}}\n---\nj: {script: x}", 1, 44,
     "should be of type number"},
    {"spec: {inputs: {a: {default: x, options: [y]}}}\n---\nj: {script: x}", 1, 30,
     "not in the list of options"},
    {"spec: {inputs: {a: {default: x, regex: '^y'}}}\n---\nj: {script: x}", 1, 30,
     "does not match"},
    {"spec: {inputs: {a: {default: x, regex: '('}}}\n---\nj: {script: x}", 1, 40, "not valid"},
    {"spec: {inputs: {a: {default: x, odd: 1}}}\n---\nj: {script: x}", 1, 33, "unknown key 'odd'"},
    {"spec: {inputs: {a: {default: x}}}\n---\nj: {script: $[[ inputs.b ]]}", 3, 13,
     "there is no input 'b'"},
    {"spec: {inputs: {a: {default: x}}}\n---\nj: {script: $[[ inputs.a | odd ]]}", 3, 13,
     "no function 'odd'"},
    {"spec: {inputs: {a: {default: x}}}\n---\nj: {script: $[[ component.name ]]}", 3, 13,
     "'component.name' is not known"},
    {"spec: {inputs: {a: {default: x}}}\n---\nj:\n  script: [a-$[[ inputs.a ]]-b]\n  odd: 1", 5, 3,
     "unknown key 'odd'"},
    {"spec:\n---\na: 1\n---\nb: 1", 4, 1, "a third document"},
};

const Broken root_part_cases[] = {
    {"default: [a]\nj: {script: x}", 1, 10, "default: should be a mapping"},
    {"default: {script: x}\nj: {script: x}", 1, 11, "unknown key 'script'"},
    {"default: {rules: []}\nj: {script: x}", 1, 11, "unknown key 'rules'"},
    {"default: {image: a}\nimage: b\nj: {script: x}", 2, 1, "under default as well"},
    {"default: {image: 1}\nj: {script: x}", 1, 18, "default:image: should be a string"},
    {"default: {retry: 5}\nj: {script: x}", 1, 18, "default:retry: should be a whole number"},
    {"before_script: {a: b}\nj: {script: x}", 1, 16, "should be a string or a list"},
    {"variables: [a]\nj: {script: x}", 1, 12, "variables: should be a mapping"},
    {"variables: {A: }\nj: {script: x}", 1, 16, "not empty"},
    {"variables: {A: [1]}\nj: {script: x}", 1, 16, "not a list"},
    {"variables: {A-B: 1}\nj: {script: x}", 1, 13, "is no name of a variable"},
    {"variables: {yes: 1}\nj: {script: x}", 1, 13, "'yes' is read as a boolean"},
    {"variables: {A: {value: x, odd: 1}}\nj: {script: x}", 1, 27, "unknown key 'odd'"},
    {"variables: {A: {value: [x]}}\nj: {script: x}", 1, 24, "should be a string, number"},
    {"variables: {A: {value: x, expand: 1}}\nj: {script: x}", 1, 35, "should be true or false"},
    {"variables: {A: {value: x, expand: 'yes'}}\nj: {script: x}", 1, 35, "not a string"},
    {"variables: {A: {value: x, options: [y]}}\nj: {script: x}", 1, 36, "not among them"},
    {"variables: {A: {options: [y]}}\nj: {script: x}", 1, 16, "value is missing"},
    {"variables: {A: {value: x, options: []}}\nj: {script: x}", 1, 36, "should not be empty"},
    {"variables: {A: 2001-01-31}\nj: {script: x}", 1, 16, "read as a date"},
    {"workflow: [a]\nj: {script: x}", 1, 11, "workflow: should be a mapping"},
    {"workflow: {odd: 1}\nj: {script: x}", 1, 12, "unknown key 'odd'"},
    {"workflow: {name: ''}\nj: {script: x}", 1, 18, "should not be empty"},
    {"workflow: {rules: {if: $A}}\nj: {script: x}", 1, 19, "should be a list of rules"},
    {"workflow: {rules: [{if: $A, when: manual}]}\nj: {script: x}", 1, 35, "one of always, never"},
    {"workflow: {rules: [{if: $A, needs: []}]}\nj: {script: x}", 1, 29, "unknown key 'needs'"},
    {"workflow: {rules: [{if: '$A =='}]}\nj: {script: x}", 1, 25, "a value is missing at the end"},
    {"workflow: {auto_cancel: {on_job_failure: some}}\nj: {script: x}", 1, 42, "none, all"},
    {"workflow: {auto_cancel: {on_new_commit: all}}\nj: {script: x}", 1, 41, "conservative"},
};

const Broken include_cases[] = {
    {"include: 1\nj: {script: x}", 1, 10, "include: should be a string or a mapping"},
    {"include: a.txt\nj: {script: x}", 1, 10, "does not end in .yml"},
    {"include: missing.yml\nj: {script: x}", 1, 10, "there is no file 'missing.yml'"},
    {"include: ['']\nj: {script: x}", 1, 11, "should not be empty"},
    {"include: [[a.yml]]\nj: {script: x}", 1, 11, "should be a string or a mapping"},
    {"include: {local: 'no/*.yml'}\nj: {script: x}", 1, 18, "no file matches"},
    {"include: {odd: x}\nj: {script: x}", 1, 10, "should have one of local"},
    {"include: {local: a.yml, odd: x}\nj: {script: x}", 1, 25, "unknown key 'odd'"},
    {"include: {local: a.yml, remote: 'https://x/y.yml'}\nj: {script: x}", 1, 10,
     "cannot be used together"},
    {"include: {remote: 'ftp://x/y.yml'}\nj: {script: x}", 1, 19, "is no http or https URL"},
    {"include: {remote: 'https://x/y.yml'}\nj: {script: x}", 1, 10, "without a network"},
    {"include: https://x/y.yml\nj: {script: x}", 1, 10, "without a network"},
    {"include: {project: a/b}\nj: {script: x}", 1, 10, "file is missing"},
    {"include: {project: a/b, file: []}\nj: {script: x}", 1, 31, "should not be empty"},
    {"include: {project: a/b, file: x.yml}\nj: {script: x}", 1, 10, "project 'a/b' has no ref"},
    {"include: {project: a/b, file: x.yml, ref: v1}\nj: {script: x}", 1, 10, "ref 'v1'"},
    {"include: {template: X.gitlab-ci.yml}\nj: {script: x}", 1, 10, "X.gitlab-ci.yml"},
    {"include: {template: X}\nj: {script: x}", 1, 21, "does not end in .yml"},
    {"include: {component: host/a/b/c}\nj: {script: x}", 1, 22, "names no version"},
    {"include: {component: 'c@1'}\nj: {script: x}", 1, 22, "host/project/name@version"},
    {"include: {component: 'host/a/b/c@1'}\nj: {script: x}", 1, 10, "project 'a/b' has no ref '1'"},
    {"include: {artifact: a.yml, job: b}\nj: {script: x}", 1, 10, "trigger:include only"},
    {"include: {local: good.yml, inputs: {a: 1}}\nj: {script: x}", 1, 40, "declares no such input"},
    {"include: {local: inputs.yml}\nj: {script: x}", 1, 10, "inputs:name: a value must be given"},
    {"include: {local: inputs.yml, inputs: {name: 1}}\nj: {script: x}", 1, 45,
     "should be of type string"},
    {"include: {local: inputs.yml, inputs: {name: a, odd: b}}\nj: {script: x}", 1, 53,
     "inputs:odd: the file declares no such input"},
    {"include: {local: good.yml, rules: [{when: manual}]}\nj: {script: x}", 1, 43, "always, never"},
    {"include: {local: good.yml, rules: [{if: '$A ='}]}\nj: {script: x}", 1, 41, "not understood"},
    {"include: {local: $NOTHING}\nj: {script: x}", 1, 18, "is empty once its variables"},
    {"include: [{local: empty.yml}]\nj: {script: x}", 1, 19, "the file 'empty.yml' is empty"},
    {"include: .gitlab-ci.yml\nj: {script: x}", 1, 10,
     "goes in a circle: .gitlab-ci.yml -> .gitlab-ci.yml"},
};

const Broken structure_cases[] = {
    {"j: {extends: a, script: x}", 1, 14, "'a' does not exist"},
    {"j: {extends: [], script: x}", 1, 14, "should not be empty"},
    {"j: {extends: {a: b}, script: x}", 1, 14, "should be a string or a list"},
    {"j: {extends: 1, script: x}", 1, 14, "should be a string or a list"},
    {"j: {extends: j, script: x}", 1, 14, "goes in a circle: j -> j"},
    {".a: {extends: .b}\n.b: {extends: .a}\nj: {extends: .a, script: x}", 2, 15,
     "goes in a circle: .a -> .b -> .a"},
    {".a: text\nj: {extends: .a, script: x}", 2, 14, "'.a' is no job, it is a string"},
    {"j: {script: !reference [.a, script]}", 1, 13, "!reference [.a, script] could not be found"},
    {".a: {x: [1]}\nj: {script: !reference [.a, x, y]}", 2, 13, "could not be found"},
    {".a: {script: !reference [.a, script]}\nj: {script: !reference [.a, script]}", 1, 14,
     "refers to itself"},
    {"j: {script: !reference text}", 1, 13, "!reference needs a list"},
    {"a: &a\n  b: *a", 2, 6, "stands inside the value"},
    {"j: {script: *a}", 1, 13, "unknown alias *a"},
};

const Broken job_cases[] = {
    {"j: {stage: test}", 1, 1, "jobs:j: script, run or trigger is missing"},
    {"j: {}", 1, 1, "script, run or trigger is missing"},
    {"j: {script: x, odd: 1}", 1, 16, "jobs:j: unknown key 'odd'"},
    {"j: {script: }", 1, 13, "jobs:j:script: should be a string"},
    {"j: {script: []}", 1, 13, "should not be empty"},
    {"j: {script: ''}", 1, 13, "should not be empty"},
    {"j: {script: [1]}", 1, 14, "jobs:j:script[0]: a command should be a string, not a number"},
    {"j: {script: [true]}", 1, 14, "not a boolean; if text is meant, put it in quotes"},
    {"j: {script: [~]}", 1, 14, "not empty"},
    {"j:\n  script:\n    - echo a: b", 3, 7, "not a mapping; if it holds ': '"},
    {"j: {script: {a: b}}", 1, 13, "should be a string or a list"},
    {"j: {script: [[[[[[[[[[[[x]]]]]]]]]]]]}", 1, 24, "nested deeper than ten levels"},
    {"j: {script: x, before_script: 1}", 1, 31, "jobs:j:before_script: should be a string"},
    {"j: {script: x, after_script: {}}", 1, 30, "jobs:j:after_script: should be a string"},
    {"j: {script: x, run: [{name: a, script: b}]}", 1, 16, "cannot be used together with script"},
    {"j: {run: x}", 1, 10, "jobs:j:run: should be a list of steps"},
    {"j: {run: []}", 1, 10, "should not be empty"},
    {"j: {run: [{script: b}]}", 1, 11, "name is missing"},
    {"j: {run: [{name: a}]}", 1, 11, "one of step, func and script"},
    {"j: {run: [{name: a, step: b, script: c}]}", 1, 11, "one of step, func and script"},
    {"j: {run: [{name: a, script: c, odd: 1}]}", 1, 32, "unknown key 'odd'"},
    {"j: {run: [{name: a, script: b}], after_script: x}", 1, 34,
     "cannot be used together with run"},
    {"j: {script: x, stage: nope}", 1, 23, "there is no stage 'nope'; there are .pre, build"},
    {"j: {script: x, stage: 1}", 1, 23, "should be a string"},
    {"j: {script: x, stage: [a]}", 1, 23, "should be a string, not a list"},
    {"stages: [a]\nj: {script: x}", 2, 1, "there is no stage 'test'"},
    {"j: {script: x, hooks: {odd: x}}", 1, 24, "unknown key 'odd'"},
    {"j: {script: x, hooks: {pre_get_sources_script: 1}}", 1, 48, "should be a string or a list"},
    {"j: {script: x, variables: 1}", 1, 27, "should be a mapping"},
    {"j: {script: x, variables: {A: {value: x, options: [x]}}}", 1, 42, "unknown key 'options'"},
    {"j: {script: x, variables: {A: {expand: true}}}", 1, 31, "value is missing"},
    {"j: {script: x, tags: docker}", 1, 22, "should be a list"},
    {"j: {script: x, tags: [1]}", 1, 23, "should be a string"},
    {"j: {script: x, when: sometimes}", 1, 22, "should be one of on_success"},
    {"j: {script: x, when: delayed}", 1, 16, "start_in is missing"},
    {"j: {script: x, when: delayed, start_in: soon}", 1, 41, "'soon' is no duration"},
    {"j: {script: x, start_in: 1 hour}", 1, 26, "with when: delayed only"},
    {"j: {script: x, allow_failure: maybe}", 1, 31, "should be true, false or a mapping"},
    {"j: {script: x, allow_failure: {}}", 1, 31, "exit_codes is missing"},
    {"j: {script: x, allow_failure: {exit_codes: []}}", 1, 44, "should not be empty"},
    {"j: {script: x, allow_failure: {exit_codes: x}}", 1, 44, "should be a whole number"},
    {"j: {script: x, allow_failure: {exit_codes: [256]}}", 1, 45, "from 0 to 255"},
    {"j: {script: x, timeout: forever}", 1, 25, "'forever' is no duration"},
    {"j: {script: x, timeout: [1h]}", 1, 25, "should be a string, number"},
    {"j: {script: x, retry: 3}", 1, 23, "from 0 to 2"},
    {"j: {script: x, retry: twice}", 1, 23, "should be 0, 1, 2 or a mapping"},
    {"j: {script: x, retry: {max: 3}}", 1, 29, "from 0 to 2"},
    {"j: {script: x, retry: {when: whenever}}", 1, 30, "unknown failure reason 'whenever'"},
    {"j: {script: x, retry: {exit_codes: []}}", 1, 36, "should not be empty"},
    {"j: {script: x, retry: {odd: 1}}", 1, 24, "unknown key 'odd'"},
    {"j: {script: x, coverage: 12}", 1, 26, "should be a string"},
    {"j: {script: x, coverage: abc}", 1, 26, "between slashes"},
    {"j: {script: x, coverage: '/(/'}", 1, 26, "not valid"},
    {"j: {script: x, interruptible: 1}", 1, 31, "should be true or false"},
    {"j: {script: x, resource_group: ''}", 1, 32, "should not be empty"},
    {"j: {script: x, manual_confirmation: 1}", 1, 37, "should be a string"},
    {"j: {script: x, inherit: false}", 1, 25, "should be a mapping"},
    {"j: {script: x, inherit: {default: [odd]}}", 1, 36, "should be one of after_script"},
    {"j: {script: x, inherit: {default: 1}}", 1, 35, "should be true or false"},
    {"j: {script: x, inherit: {variables: A}}", 1, 37, "should be true or false"},
    {"j: {script: x, inputs: {a: {type: string}}}", 1, 28, "default is missing"},
    {"j: {script: x, pages: 1}", 1, 23, "should be true or false"},
    {"j: {script: x, pages: {odd: 1}}", 1, 24, "unknown key 'odd'"},
    {"j: {script: x, pages: true, publish: a}", 1, 29, "cannot be used together with pages"},
};

const Broken image_cases[] = {
    {"j: {script: x, image: 1.2}", 1, 23, "jobs:j:image: should be a string or a mapping"},
    {"j: {script: x, image: ''}", 1, 23, "should not be empty"},
    {"j: {script: x, image: [a]}", 1, 23, "should be a string or a mapping"},
    {"j: {script: x, image: {entrypoint: ['']}}", 1, 23, "name is missing"},
    {"j: {script: x, image: {name: a, odd: 1}}", 1, 33, "unknown key 'odd'"},
    {"j: {script: x, image: {name: a, entrypoint: sh}}", 1, 45, "should be a list"},
    {"j: {script: x, image: {name: a, entrypoint: []}}", 1, 45, "should not be empty"},
    {"j: {script: x, image: {name: a, pull_policy: sometimes}}", 1, 46, "always, if-not-present"},
    {"j: {script: x, image: {name: a, pull_policy: []}}", 1, 46, "should not be empty"},
    {"j: {script: x, image: {name: a, docker: {odd: 1}}}", 1, 42, "unknown key 'odd'"},
    {"j: {script: x, image: {name: a, docker: {user: ''}}}", 1, 48, "should not be empty"},
    {"j: {script: x, image: {name: a, alias: b}}", 1, 33, "unknown key 'alias'"},
    {"j: {script: x, services: redis}", 1, 26, "should be a list of services"},
    {"j: {script: x, services: [1]}", 1, 27, "should be a string or a mapping"},
    {"j: {script: x, services: [{alias: a}]}", 1, 27, "name is missing"},
    {"j: {script: x, services: [{name: a, odd: 1}]}", 1, 37, "unknown key 'odd'"},
    {"j: {script: x, services: [{name: a, command: [1]}]}", 1, 47, "a command should be a string"},
    {"j: {script: x, services: [{name: a, variables: {A: {value: x}}}]}", 1, 52,
     "should be a string, number or boolean"},
};

const Broken cache_and_artifact_cases[] = {
    {"j: {script: x, cache: text}", 1, 23, "should be a mapping or a list of mappings"},
    {"j: {script: x, cache: {odd: 1}}", 1, 24, "unknown key 'odd'"},
    {"j: {script: x, cache: {paths: a}}", 1, 31, "should be a list of strings"},
    {"j: {script: x, cache: {key: a/b}}", 1, 29, "should not contain '/'"},
    {"j: {script: x, cache: {key: ..}}", 1, 29, "should not be only dots"},
    {"j: {script: x, cache: {key: {}}}", 1, 29, "files or files_commits is missing"},
    {"j: {script: x, cache: {key: {files: []}}}", 1, 37, "at least one file"},
    {"j: {script: x, cache: {key: {files: [a, b, c]}}}", 1, 37, "more than two files"},
    {"j: {script: x, cache: {key: {files: [a], files_commits: [b]}}}", 1, 29, "together"},
    {"j: {script: x, cache: {key: {files: [a], prefix: a/b}}}", 1, 50, "should not contain '/'"},
    {"j: {script: x, cache: {policy: both}}", 1, 32, "should be pull-push, pull, push"},
    {"j: {script: x, cache: {when: never}}", 1, 30, "should be one of"},
    {"j: {script: x, cache: {untracked: 1}}", 1, 35, "should be true or false"},
    {"j: {script: x, cache: {fallback_keys: [a, b, c, d, e, f]}}", 1, 39, "more than five"},
    {"j: {script: x, cache: [{}, {}, {}, {}, {}]}", 1, 23, "more than four"},
    {"j: {script: x, artifacts: [a]}", 1, 27, "should be a mapping"},
    {"j: {script: x, artifacts: {odd: 1}}", 1, 28, "unknown key 'odd'"},
    {"j: {script: x, artifacts: {paths: a}}", 1, 35, "should be a list of strings"},
    {"j: {script: x, artifacts: {paths: []}}", 1, 35, "should not be empty"},
    {"j: {script: x, artifacts: {paths: [a], when: never}}", 1, 46, "should be one of"},
    {"j: {script: x, artifacts: {paths: [a], expire_in: later}}", 1, 51, "is no duration"},
    {"j: {script: x, artifacts: {expose_as: a}}", 1, 39, "needs paths"},
    {"j: {script: x, artifacts: {expose_as: a, paths: ['*']}}", 1, 39, "wildcards"},
    {"j: {script: x, artifacts: {paths: [a], access: all, public: true}}", 1, 27, "together"},
    {"j: {script: x, artifacts: {paths: [a], access: nobody}}", 1, 48, "none, developer"},
    {"j: {script: x, artifacts: {reports: [a]}}", 1, 37, "should be a mapping of report types"},
    {"j: {script: x, artifacts: {reports: {odd: a}}}", 1, 38, "unknown report type 'odd'"},
    {"j: {script: x, artifacts: {reports: {cobertura: a}}}", 1, 38, "unknown report type"},
    {"j: {script: x, artifacts: {reports: {junit: 1}}}", 1, 45, "should be a string or a list"},
    {"j: {script: x, artifacts: {reports: {coverage_report: {path: a}}}}", 1, 55,
     "coverage_format is missing"},
    {"j: {script: x, artifacts: {reports: {coverage_report: {path: a, coverage_format: b}}}}", 1,
     82, "cobertura, jacoco"},
};

const Broken rule_cases[] = {
    {"j: {script: x, rules: always}", 1, 23, "should be a list of rules"},
    {"j: {script: x, rules: [always]}", 1, 24, "should be a mapping, not a string"},
    {"j: {script: x, rules: [{}]}", 1, 24, "should not be empty"},
    {"j: {script: x, rules: [{odd: 1}]}", 1, 25, "unknown key 'odd'"},
    {"j: {script: x, rules: [{if: true}]}", 1, 29, "should be an expression in a string"},
    {"j: {script: x, rules: [{if: }]}", 1, 29, "should not be empty"},
    {"j: {script: x, rules: [{if: ''}]}", 1, 29, "the expression is empty"},
    {"j: {script: x, rules: [{if: A == 1}]}", 1, 29, "'A' is not understood at character 1"},
    {"j: {script: x, rules: [{if: $A == 1}]}", 1, 29, "'1' is not understood at character 7"},
    {"j: {script: x, rules: [{if: '${A}'}]}", 1, 29, "without braces"},
    {"j: {script: x, rules: [{if: '$A == \"b'}]}", 1, 29, "a string is not closed"},
    {"j: {script: x, rules: [{if: '$A =~ /b'}]}", 1, 29, "a regular expression is not closed"},
    {"j: {script: x, rules: [{if: '$A =~ /a(/'}]}", 1, 29, "the regular expression is not valid"},
    {"j: {script: x, rules: [{if: '$A =~ /(?=a)/'}]}", 1, 29, "not valid"},
    {"j: {script: x, rules: [{if: '$A =~ /a/'}]}", 1, 29, "two characters or more"},
    {"j: {script: x, rules: [{if: '($A'}]}", 1, 29, "a ')' is missing at the end"},
    {"j: {script: x, rules: [{if: '$A)'}]}", 1, 29, "a ')' without its '(' at character 3"},
    {"j: {script: x, rules: [{if: '$A $B'}]}", 1, 29, "an operator is missing at character 4"},
    {"j: {script: x, rules: [{if: '&& $B'}]}", 1, 29, "a value is missing at character 1"},
    {"j: {script: x, rules: [{if: $A, when: soon}]}", 1, 39, "should be one of on_success"},
    {"j: {script: x, rules: [{if: $A, when: delayed}]}", 1, 24, "start_in is missing"},
    {"j: {script: x, rules: [{if: $A, start_in: 1h}]}", 1, 43, "with when: delayed only"},
    {"j: {script: x, rules: [{if: $A, allow_failure: {exit_codes: 1}}]}", 1, 48, "true or false"},
    {"j: {script: x, rules: [{if: $A, variables: [A]}]}", 1, 44, "should be a mapping"},
    {"j: {script: x, rules: [{if: $A, variables: {A: {value: 1}}}]}", 1, 48, "should be a string"},
    {"j: {script: x, rules: [{if: $A, needs: [{project: a/b, job: c, ref: d}]}]}", 1, 51,
     "only jobs of this pipeline"},
    {"j: {script: x, rules: [{if: $A, interruptible: x}]}", 1, 48, "should be true or false"},
    {"j: {script: x, rules: [{changes: a}]}", 1, 34, "should be a list of paths or a mapping"},
    {"j: {script: x, rules: [{changes: {}}]}", 1, 34, "paths or regexp is missing"},
    {"j: {script: x, rules: [{changes: {paths: [a], regexp: b}}]}", 1, 34, "together"},
    {"j: {script: x, rules: [{changes: {paths: [a], odd: b}}]}", 1, 47, "unknown key 'odd'"},
    {"j: {script: x, rules: [{changes: {regexp: '('}}]}", 1, 43, "not valid"},
    {"j: {script: x, rules: [{changes: {paths: [a], compare_to: nowhere}}]}", 1, 34,
     "'nowhere' is no ref"},
    {"j: {script: x, rules: [{exists: a}]}", 1, 33, "should be a list of paths or a mapping"},
    {"j: {script: x, rules: [{exists: {paths: [a], ref: b}}]}", 1, 33, "ref needs project"},
    {"j: {script: x, rules: [{exists: {paths: [a], project: c/d}}]}", 1, 33, "project 'c/d'"},
    {"j: {script: x, rules: [[[[[[[[[[[[{if: $A}]]]]]]]]]]]]}", 1, 34, "nested deeper than ten"},
    {"j: {script: x, rules: [{if: $A}], only: [main]}", 1, 35,
     "cannot be used together with rules"},
    {"j: {script: x, rules: [{if: $A}], except: [main]}", 1, 35, "together with rules"},
    {"j: {script: x, only: 1}", 1, 22, "should be a list of refs or a mapping"},
    {"j: {script: x, only: {}}", 1, 22, "should not be empty"},
    {"j: {script: x, only: {odd: 1}}", 1, 23, "unknown key 'odd'"},
    {"j: {script: x, only: ['/(/']}", 1, 22, "not valid"},
    {"j: {script: x, only: {kubernetes: on}}", 1, 35, "should be one of active"},
    {"j: {script: x, only: {variables: ['$A ==']}}", 1, 35, "a value is missing"},
    {"j: {script: x, only: {changes: {paths: [a]}}}", 1, 32, "should be a list of paths"},
    {"j: {script: x, except: {variables: $A}}", 1, 36, "should be a list"},
};

const Broken relation_cases[] = {
    {"j: {script: x, needs: a}", 1, 23, "should be a list of jobs"},
    {"j: {script: x, needs: [1]}", 1, 24, "should be a job's name or a mapping"},
    {"j: {script: x, needs: [a]}", 1, 24, "jobs:j:needs: there is no job 'a'"},
    {"j: {script: x, needs: [j]}", 1, 24, "the job needs itself"},
    {"j: {script: x, needs: [{artifacts: true}]}", 1, 24, "job is missing"},
    {"j: {script: x, needs: [{job: a, odd: 1}]}", 1, 33, "unknown key 'odd'"},
    {"j: {script: x, needs: [{job: a, artifacts: 1}]}", 1, 44, "should be true or false"},
    {"j: {script: x, needs: [{job: a, ref: b}]}", 1, 24, "ref needs project"},
    {"j: {script: x, needs: [{project: a/b, job: c}]}", 1, 24, "ref is missing"},
    {"j: {script: x, needs: [{job: a, parallel: 2}]}", 1, 43, "should be a mapping"},
    {"a: {script: x, needs: [b]}\nb: {script: x, needs: [a]}", 1, 23,
     "goes in a circle: a -> b -> a"},
    {"a: {script: x, stage: build, needs: [b]}\nb: {script: x, stage: test}", 1, 38,
     "'b' is in a later stage (test)"},
    {"a: {script: x, rules: [{when: never}]}\nb: {script: x, needs: [a]}", 2, 24,
     "'a' is not in this pipeline because of its rules"},
    {"a: {script: x, parallel: {matrix: [{A: [1, 2]}]}}\n"
     "b: {script: x, needs: [{job: a, parallel: {matrix: [{A: 3}]}}]}",
     2, 24, "no instance of 'a' has these values"},
    {"j: {script: x, dependencies: a}", 1, 30, "should be a list of strings"},
    {"j: {script: x, dependencies: [a]}", 1, 30, "there is no job 'a'"},
    {"a: {script: x}\nb: {script: x, dependencies: [a]}", 2, 30, "'a' is not in an earlier stage"},
    {"a: {script: x}\nc: {script: x}\nb: {script: x, needs: [c], dependencies: [a]}", 3, 42,
     "'a' is not among its needs"},
    {"j: {script: x, parallel: 0}", 1, 26, "from 1 to 200"},
    {"j: {script: x, parallel: 201}", 1, 26, "from 1 to 200"},
    {"j: {script: x, parallel: many}", 1, 26, "a whole number from 1 to 200 or a mapping"},
    {"j: {script: x, parallel: {}}", 1, 26, "matrix is missing"},
    {"j: {script: x, parallel: {matrix: {A: [1]}}}", 1, 35, "should be a list of mappings"},
    {"j: {script: x, parallel: {matrix: []}}", 1, 35, "should not be empty"},
    {"j: {script: x, parallel: {matrix: [{}]}}", 1, 36, "should not be empty"},
    {"j: {script: x, parallel: {matrix: [{A: []}]}}", 1, 40, "should not be empty"},
    {"j: {script: x, parallel: {matrix: [{A: {b: c}}]}}", 1, 40, "should be a string, number"},
    {"j: {script: x, environment: 1}", 1, 29, "should be a string or a mapping"},
    {"j: {script: x, environment: {url: x}}", 1, 29, "name is missing"},
    {"j: {script: x, environment: {name: a, action: go}}", 1, 47, "should be one of start"},
    {"j: {script: x, environment: {name: a, auto_stop_in: soon}}", 1, 53, "is no duration"},
    {"j: {script: x, environment: {name: a, deployment_tier: odd}}", 1, 56, "should be one of"},
    {"j: {script: x, environment: {name: a, on_stop: b}}", 1, 1, "there is no job 'b'"},
    {"j: {script: x, environment: {name: a, on_stop: b}}\nb: {script: x}", 1, 1,
     "should have an environment with action: stop"},
    {"j: {trigger: {include: a.yml}, script: x}", 1, 32, "not possible in a job with trigger"},
    {"j: {trigger: {include: a.yml}, image: x}", 1, 32, "not possible in a job with trigger"},
    {"j: {trigger: 1}", 1, 14, "should be a project's path or a mapping"},
    {"j: {trigger: {}}", 1, 14, "project or include is missing"},
    {"j: {trigger: {include: a.yml, odd: 1}}", 1, 31, "unknown key 'odd'"},
    {"j: {trigger: {include: 1}}", 1, 24, "should be a path, a mapping or a list"},
    {"j: {trigger: {include: [a, b, c, d]}}", 1, 24, "more than three"},
    {"j: {trigger: {include: a.yml, strategy: wait}}", 1, 41, "depend, mirror"},
    {"j: {trigger: {include: a.yml, branch: b}}", 1, 14, "branch needs project"},
    {"j: {trigger: {include: a.yml, project: a/b}}", 1, 14, "cannot be used together"},
    {"j: {trigger: {include: a.yml, forward: {odd: 1}}}", 1, 41, "unknown key 'odd'"},
};

World surroundings() {
  World world;
  world.files.files["good.yml"] = "g: {script: x}";
  world.files.files["empty.yml"] = "\n";
  world.files.files["inputs.yml"] =
      "spec: {inputs: {name: }}\n---\n$[[ inputs.name ]]: {script: x}";
  return world;
}

template <std::size_t N>
std::size_t expect_all(const Broken (&cases)[N]) {
  for (const auto& c : cases) expect_broken(c, surroundings());
  return N;
}

TEST(CiBroken, EveryBrokenConfigurationIsRefusedWithItsPlace) {
  std::size_t count = 0;
  count += expect_all(root_cases);
  count += expect_all(root_part_cases);
  count += expect_all(include_cases);
  count += expect_all(structure_cases);
  count += expect_all(job_cases);
  count += expect_all(image_cases);
  count += expect_all(cache_and_artifact_cases);
  count += expect_all(rule_cases);
  count += expect_all(relation_cases);
  EXPECT_GE(count, 150u);
}

TEST(CiBroken, AnErrorInAnIncludedFileNamesTheWholeChain) {
  World world{"stages: [test]\ninclude:\n  - local: a.yml\n"};
  world.files.files["a.yml"] = "include: b/c.yml\n";
  world.files.files["b/c.yml"] = "j:\n  script: x\n  odd: 1\n";
  EXPECT_EQ(world.error().substr(0, 35), "b/c.yml:3:3: jobs:j: unknown key 'o");
  EXPECT_THAT(world.error(), HasSubstr("\n  included from a.yml:1:10\n"
                                       "  included from .gitlab-ci.yml:3:5"));
}

TEST(CiBroken, CirclesOverFilesAreNamed) {
  World world{"include: a.yml\nj: {script: x}"};
  world.files.files["a.yml"] = "include: [b.yml]";
  world.files.files["b.yml"] = "x: {script: y}\ninclude: {local: /a.yml}";
  EXPECT_THAT(world.error(), ::testing::StartsWith(
                                 "b.yml:2:10: include: goes in a circle: a.yml -> b.yml -> a.yml"));
}

TEST(CiBroken, TooMuchIsRefused) {
  World many{"j: {script: x}\ninclude: ['ci/*.yml']"};
  for (int at = 0; at < 151; ++at)
    many.files.files["ci/" + std::to_string(at) + ".yml"] = ".x: {script: y}";
  EXPECT_THAT(many.error(), HasSubstr("more than 150 files"));

  std::string chain = ".e0: {script: x}\n";
  for (int at = 1; at < 14; ++at)
    chain += ".e" + std::to_string(at) + ": {extends: .e" + std::to_string(at - 1) + "}\n";
  EXPECT_THAT(World{chain + "j: {extends: .e13}"}.error(),
              HasSubstr("nested deeper than eleven levels"));

  std::string references = ".r0: [a, a, a, a, a, a, a, a, a, a]\n";
  for (int at = 1; at < 9; ++at) {
    references += ".r" + std::to_string(at) + ": [";
    for (int times = 0; times < 10; ++times)
      references += "!reference [.r" + std::to_string(at - 1) + "], ";
    references += "]\n";
  }
  EXPECT_THAT(World{references + "j: {script: !reference [.r8]}"}.error(),
              HasSubstr("too large once its !reference tags are resolved"));

  World huge{std::string(50u << 20, '#')};
  EXPECT_THAT(huge.error(), HasSubstr(".gitlab-ci.yml: larger than 2097152 bytes"));

  std::string values = "variables:\n  V0: " + std::string(1000, 'x') + "\n";
  for (int at = 1; at < 20; ++at) {
    values += "  V" + std::to_string(at) + ": ";
    for (int times = 0; times < 10; ++times) values += "$V" + std::to_string(at - 1);
    values += "\n";
  }
  EXPECT_THAT(World{values + "j: {script: x, resource_group: $V19}"}.error(),
              HasSubstr("more than 64 MiB"));

  EXPECT_THAT(World{"j: {script: x, parallel: {matrix: [{A: [1,2,3,4,5,6,7,8,9,10], "
                    "B: [1,2,3,4,5,6,7,8,9,10], C: [1,2,3]}]}}"}
                  .error(),
              HasSubstr("makes more than 200 jobs"));
}

TEST(CiBroken, AMissingConfigurationIsSaidSo) {
  World world;
  EXPECT_EQ(world.error(), ".gitlab-ci.yml: there is no such file");
}

}  // namespace
}  // namespace slipway::local::ci
