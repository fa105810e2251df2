#include "job/script.hpp"

#include <gmock/gmock.h>
#include <signal.h>

#include <chrono>

#include "shell_run.hpp"

namespace slipway::job {
namespace {

using testing::ContainsRegex;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

const std::string green = "\x1b[32;1m";
const std::string reset = "\x1b[0;m";

struct Shell {
  std::string name;
  std::vector<std::string> command;
};

std::ostream& operator<<(std::ostream& out, const Shell& shell) {
  return out << shell.name;
}

/// The generated script in a real shell; the same text for all of them.
class Script : public testing::TestWithParam<Shell> {
 protected:
  void SetUp() override {
    ::signal(SIGPIPE, SIG_IGN);
    options.project_dir = dir.path();
    options.temp_dir = dir.path("p.tmp");
    const auto probe = run_shell(GetParam().command, "exit 7\n");
    ASSERT_EQ(probe.exit_code, 7) << GetParam().name << " is needed for this test";
  }

  void add(std::string key, std::string value, bool file = false) {
    Variable variable;
    variable.key = std::move(key);
    variable.value = std::move(value);
    variable.file = file;
    options.variables.add(std::move(variable));
  }
  ShellResult run() { return run_shell(GetParam().command, generate_script(options)); }
  ShellResult run(std::vector<std::string> commands) {
    options.commands = std::move(commands);
    return run();
  }
  static std::string shown(const std::string& command) {
    return green + "$ " + command + reset + "\n";
  }

  TempDir dir;
  ScriptOptions options;
};

TEST_P(Script, EchoesAndRunsTheCommands) {
  const auto result = run({"echo hello", "printf '%s\\n' \"a\\nb\"", "pwd"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.output, shown("echo hello") + "hello\n" + shown("printf '%s\\n' \"a\\nb\"") +
                               "a\\nb\n" + shown("pwd") + dir.path() + "\n");
}

TEST_P(Script, Jobs9_5Echo) {
  const auto result = run({"", "  echo a  \n", "echo b\necho c", " \n\t ", "true '$HOME' \\t"});
  EXPECT_EQ(result.output, "\n" + shown("echo a") + "a\n" +
                               shown("echo b # collapsed multi-line command") + "b\nc\n\n" +
                               shown("true '$HOME' \\t"));
}

TEST_P(Script, Edge41Jobs19_28ExitCodes) {
  EXPECT_EQ(run({"exit 7"}).exit_code, 7);
  EXPECT_EQ(run({"exit 0", "echo not reached"}).exit_code, 0);
  EXPECT_EQ(run({"exit 255"}).exit_code, 255);
  EXPECT_EQ(run({"sh -c 'exit 3'", "echo not reached"}).exit_code, 3);
  EXPECT_EQ(run({"sh -c 'kill -9 $$'"}).exit_code, 137);
  EXPECT_EQ(run({"no-such-command-anywhere"}).exit_code, 127);
  const auto failed = run({"false", "echo reached"});
  EXPECT_EQ(failed.exit_code, 1);
  EXPECT_EQ(failed.output, shown("false"));
}

TEST_P(Script, Jobs19_28PipefailWhereTheShellHasIt) {
  const bool has =
      run_shell(GetParam().command, "(set -o pipefail) 2>/dev/null\nexit $?\n").exit_code == 0;
  EXPECT_EQ(run({"false | true"}).exit_code, has ? 1 : 0);
  EXPECT_TRUE(has || GetParam().name != "bash");
}

TEST_P(Script, Jobs19_26Docker14StdinIsEmptyForTheCommands) {
  const auto result = run({"cat", "read -r x || echo end of input", "echo last"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.output, HasSubstr("\nend of input\n"));
  EXPECT_THAT(result.output, EndsWith("\nlast\n"));
}

TEST_P(Script, Jobs19_27StatePersistsBetweenLines) {
  const auto result = run({"mkdir sub", "cd sub", "x=5", "f() { echo \"f $x\"; }", "f", "pwd"});
  EXPECT_THAT(result.output, HasSubstr("\nf 5\n"));
  EXPECT_THAT(result.output, EndsWith("\n" + dir.path("sub") + "\n"));
}

TEST_P(Script, Jobs9_1UsersOptionsStayInside) {
  EXPECT_EQ(run({"set -u", "set +e", "false", "echo $?"}).exit_code, 0);
  EXPECT_EQ(run({"echo one > f", "echo two > f", "cat f"}).exit_code, 0);  // no noclobber
}

TEST_P(Script, Jobs19_24ValuesSurviveByteForByte) {
  std::string all;
  for (int c = 1; c < 256; ++c) all += static_cast<char>(c);
  const std::string values[] = {all,
                                all + all,
                                "'",
                                "''\\''",
                                "line\nline\n\n",
                                "$HOME `id` $(id) \"x\" !! \\",
                                "\xc3\xa9\x81\x88\x01\x7f!",
                                "",
                                " lead and trail ",
                                "~",
                                "-n",
                                "a=b"};
  int i = 0;
  for (const auto& value : values) {
    options.variables = {};
    add("VALUE", value);
    const auto name = "out" + std::to_string(i++);
    EXPECT_EQ(run({"printf '%s' \"$VALUE\" > " + name}).exit_code, 0);
    EXPECT_EQ(dir.read(name), value);
  }
}

TEST_P(Script, Jobs19_23FileVariablesAreByteExact) {
  const std::string key = "-----KEY-----\n'q' \\n %s\n";
  add("DEPLOY_KEY", key, true);
  add("EMPTY", "", true);
  add("AFTER", "plain");
  const auto result = run({"cat \"$DEPLOY_KEY\" > copy", "echo \"$DEPLOY_KEY $AFTER\"",
                           "test -f \"$EMPTY\" && ! test -s \"$EMPTY\""});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(dir.read("copy"), key);
  EXPECT_EQ(dir.read("p.tmp/DEPLOY_KEY"), key);
  EXPECT_THAT(result.output, HasSubstr(dir.path("p.tmp/DEPLOY_KEY") + " plain\n"));
}

TEST_P(Script, VariablesAreExportedInOrderDuplicatesIncluded) {
  add("A", "first");
  add("A", "second");
  EXPECT_THAT(run({"sh -c 'echo \"<$A>\"'"}).output, EndsWith("<second>\n"));
}

TEST_P(Script, NulBytesAreLeftOut) {
  add("A", std::string("a\0b", 3));
  const auto result = run({std::string("echo \"<$A>\" c\0d", 15)});
  EXPECT_THAT(result.output, EndsWith("<ab> cd\n"));
}

TEST_P(Script, Jobs9_4InvalidKeysFailTheStage) {
  for (const auto* key : {"", "A B", "A=B", "1A", "-n", "A-B", "A;echo bad", "\xc3\xa9", "A'B"}) {
    options.variables = {};
    add(key, "v");
    const auto result = run({"echo reached"});
    EXPECT_EQ(result.exit_code, 1) << key;
    EXPECT_EQ(result.output, "export: `" + std::string{key} + "': not a valid identifier\n");
  }
}

TEST_P(Script, Jobs19_25GitlabEnvReachesTheNextStage) {
  EXPECT_EQ(
      run({"echo 'GREETING=hello  world ' >> $GITLAB_ENV", "echo B=1 >> $GITLAB_ENV"}).exit_code,
      0);
  EXPECT_THAT(run({"sh -c 'echo \"<$GREETING|$B>\"'"}).output, EndsWith("<hello  world|1>\n"));
  EXPECT_EQ(run({"echo '1 bad line' >> \"$GITLAB_ENV\""}).exit_code, 0);
  const auto bad = run({"echo reached"});
  EXPECT_NE(bad.exit_code, 0);
  EXPECT_THAT(bad.output, Not(HasSubstr("reached")));
}

TEST_P(Script, Jobs19_35PreAndPostBuildScripts) {
  options.pre_build_script = "echo pre";
  options.post_build_script = "echo post\necho post 2";
  EXPECT_EQ(run({"echo main"}).output, shown("echo pre") + "pre\n" + shown("echo main") + "main\n" +
                                           shown("echo post # collapsed multi-line command") +
                                           "post\npost 2\n");
  const auto failed = run({"exit 4"});
  EXPECT_EQ(failed.exit_code, 4);
  EXPECT_THAT(failed.output, Not(HasSubstr("post")));
  options.pre_build_script = "exit 5";
  const auto before = run({"echo main"});
  EXPECT_EQ(before.exit_code, 5);
  EXPECT_THAT(before.output, Not(HasSubstr("main")));
}

TEST_P(Script, NoticeOfAfterScript) {
  options.first_notice = "Running after script...";
  EXPECT_EQ(run({"echo bye"}).output,
            green + "Running after script..." + reset + "\n" + shown("echo bye") + "bye\n");
}

TEST_P(Script, Jobs11_3GitsUserConfigurationIsASeed) {
  std::filesystem::create_directories(dir.path(".config/git"));
  std::ofstream{dir.path(".gitconfig")} << "[a]\n\tb = home\n";
  add("HOME", dir.path());
  options.temp_dir = dir.path("p \"q\" \\.tmp");
  std::filesystem::create_directories(options.temp_dir);
  std::ofstream{options.temp_dir + "/.gitlab-runner.ext.conf"} << "[c]\n\td = ours\n";
  options.git_seed = true;
  auto result = run({"git config --get a.b", "git config --get c.d"});
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(result.output, HasSubstr("\nhome\n"));
  EXPECT_THAT(result.output, EndsWith("\nours\n"));
  // A directory that this user may not write to leaves the seed as it is.
  std::filesystem::remove_all(options.temp_dir + "/.glr.gconf");
  std::filesystem::create_directories(options.temp_dir + "/.glr.gconf");
  EXPECT_EQ(run({"true"}).exit_code, 0);
  options.git_seed = false;
  EXPECT_THAT(generate_script(options), Not(HasSubstr("GIT_CONFIG_GLOBAL")));
}

TEST_P(Script, Docker1Jobs1MebibyteScript) {
  std::string document = "cat > big <<'END'\n";
  std::string content;
  while (content.size() < (1u << 20))
    content += "it's line " + std::to_string(content.size()) + "\n";
  const auto result = run({document + content + "END", "echo done"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.output, EndsWith("\ndone\n"));
  EXPECT_EQ(dir.read("big"), content);
}

TEST_P(Script, ExitCodeCheck) {
  options.exit_code_check = true;
  EXPECT_EQ(run({"echo a", "set +e", "sh -c 'exit 6'", "echo not reached"}).exit_code, 6);
  const auto result = run({"echo a", "", "echo b"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.output, shown("echo a") + "a\n\n" + shown("echo b") + "b\n");
}

TEST_P(Script, LegacyEval) {
  options.legacy_eval = true;
  const auto result = run({"cat", "echo hello"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.output, EndsWith("\nhello\n"));
  EXPECT_EQ(run({"exit 9"}).exit_code, 9);
}

TEST_P(Script, Jobs19_33DebugTraceShowsTheBody) {
  options.debug_trace = true;
  add("SOME_VARIABLE", "its-value");
  const auto result = run({"echo hello"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.output, ContainsRegex("\\+ export '?SOME_VARIABLE=its-value"));
  EXPECT_THAT(result.output, HasSubstr("+ echo hello"));
}

TEST_P(Script, Jobs19_34SectionsOfMultiLineCommands) {
  options.script_sections = true;
  const auto result = run({"echo one", "echo a\necho b"});
  EXPECT_THAT(result.output, testing::StartsWith(shown("echo one") + "one\nsection_start:"));
  EXPECT_THAT(result.output,
              HasSubstr(":section_script_step_1[hide_duration=true,collapsed=true]\r\x1b[0K" +
                        green + "$ echo a\necho b" + reset + "\nsection_end:"));
  EXPECT_THAT(result.output, EndsWith(":section_script_step_1\r\x1b[0Ka\nb\n"));
  const auto stamp = result.output.substr(result.output.find("start:") + 6, 10);
  EXPECT_EQ(stamp.find_first_not_of("0123456789"), std::string::npos) << stamp;
}

TEST_P(Script, Jobs19_30Docker11TermEndsTheStageQuietly) {
  using namespace std::chrono_literals;
  options.commands = {"echo ready > ready", "sleep 30", "echo not reached"};
  const auto begin = std::chrono::steady_clock::now();
  std::thread killer;
  const auto result = run_shell(GetParam().command, generate_script(options), [&](pid_t group) {
    killer = std::thread{[this, group] {
      for (int i = 0; i < 1000 && dir.read("ready").empty(); ++i) {
        std::this_thread::sleep_for(10ms);
      }
      std::this_thread::sleep_for(200ms);  // until `sleep` is the foreground process
      ::kill(-group, SIGTERM);
    }};
  });
  killer.join();
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 20s);
  EXPECT_THAT(result.output, Not(HasSubstr("not reached")));
  EXPECT_THAT(result.output, Not(HasSubstr("eval")));
}

TEST_P(Script, RelativeTempDirIsBelowTheStartDirectory) {
  options.temp_dir = "rel dir.tmp";
  add("F", "content", true);
  const auto script = "cd " + dir.path() + "\n" + generate_script(options);
  options.commands = {};
  EXPECT_EQ(run_shell(GetParam().command, script).exit_code, 0);
  EXPECT_EQ(dir.read("rel dir.tmp/F"), "content");
}

TEST_P(Script, EmptyOptionsAreAScriptThatDoesNothing) {
  const auto result = run_shell(GetParam().command, generate_script({}));
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.output, "");
}

INSTANTIATE_TEST_SUITE_P(Shells, Script,
                         testing::Values(Shell{"bash", {"/bin/bash"}}, Shell{"dash", {"dash"}},
                                         Shell{"sh", {"/bin/sh"}},
                                         Shell{"busybox", {"busybox", "sh"}}),
                         [](const auto& info) { return info.param.name; });

TEST(GenerateScript, PosixEscapesChangeNothing) {
  ScriptOptions options;
  options.commands = {"echo 'a b'"};
  auto posix = options;
  posix.posix_escapes = true;
  EXPECT_EQ(generate_script(options), generate_script(posix));
  EXPECT_THAT(generate_script(options), EndsWith("\nexit 0\n"));
  EXPECT_THAT(generate_script(options), StartsWith("#!/usr/bin/env sh\n\n"));
}

TEST(QuotePosix, Table) {
  EXPECT_EQ(quote_posix(""), "''");
  EXPECT_EQ(quote_posix("a,b-c.d/e@F_9"), "a,b-c.d/e@F_9");
  EXPECT_EQ(quote_posix("a b"), "'a b'");
  EXPECT_EQ(quote_posix("it's"), "'it'\\''s'");
  EXPECT_EQ(quote_posix("a=b"), "'a=b'");
  EXPECT_EQ(quote_posix("$x`y`\\\n"), "'$x`y`\\\n'");
  EXPECT_EQ(quote_posix(std::string_view("a\0 b", 4)), "'a b'");
}

/// The detection script with its paths below `root`, which holds shells that tell their names.
ShellResult detect(const TempDir& root, const std::vector<std::string>& shells) {
  for (const auto& shell : shells) {
    const std::filesystem::path path{root.path() + shell};
    std::filesystem::create_directories(path.parent_path());
    std::ofstream{path} << "#!/bin/sh\necho " << shell << " $#\n";
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  }
  auto script = shell_detection_script();
  for (const std::string place : {"/usr/local/bin/bash", "/usr/bin/bash", "/bin/bash",
                                  "/usr/local/bin/sh", "/usr/bin/sh", "/bin/sh", "/busybox/sh"}) {
    const auto at = script.find(" " + place);
    EXPECT_NE(at, std::string::npos) << place;
    script.insert(at + 1, root.path());
  }
  return run_shell({"sh", "-c", script}, "");
}

TEST(ShellDetection, Docker5Order) {
  const std::vector<std::string> order{"/usr/local/bin/bash", "/usr/bin/bash", "/bin/bash",
                                       "/usr/local/bin/sh",   "/usr/bin/sh",   "/bin/sh",
                                       "/busybox/sh"};
  for (std::size_t first = 0; first < order.size(); ++first) {
    const TempDir root;
    const std::vector<std::string> present{order.begin() + static_cast<long>(first), order.end()};
    const auto result = detect(root, present);
    EXPECT_EQ(result.output, order[first] + " 0\n");
    EXPECT_EQ(result.exit_code, 0);
  }
}

TEST(ShellDetection, Docker4NoShell) {
  const TempDir root;
  std::filesystem::create_directories(root.path("bin/bash"));  // a directory is no shell
  const auto result = detect(root, {});
  EXPECT_EQ(result.output, "shell not found\n");
  EXPECT_EQ(result.exit_code, 1);
}

TEST(ShellDetection, TheShellReadsItsScriptFromStdin) {
  const auto result =
      run_shell({"sh", "-c", shell_detection_script()}, "echo from stdin\nexit 0\n");
  EXPECT_EQ(result.output, "from stdin\n");
}

}  // namespace
}  // namespace slipway::job
