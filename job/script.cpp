#include "job/script.hpp"

#include <cstddef>

#include "job/text.hpp"

namespace slipway::job {
namespace {

bool is_identifier(std::string_view key) {
  if (key.empty() || (key[0] >= '0' && key[0] <= '9')) return false;
  for (const char c : key) {
    if (!is_name_character(c)) return false;
  }
  return true;
}

std::string without_nul(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (const char c : text) {
    if (c != '\0') result += c;
  }
  return result;
}

std::string coloured(std::string_view colour, std::string_view text) {
  std::string result{colour};
  result += text;
  result += colour::reset;
  return result;
}

/// Collects the commands of a stage, to be wrapped afterwards.
class Body {
 public:
  explicit Body(const ScriptOptions& options) : options_{options} {}

  std::string take() {
    declare_variables();
    read_job_environment();
    configure_git();
    if (!options_.project_dir.empty()) runner_command("cd " + quote_posix(options_.project_dir));
    if (!options_.first_notice.empty()) {
      print(coloured(colour::bold_green, options_.first_notice));
    }
    if (!options_.pre_build_script.empty()) {
      user_command(options_.pre_build_script, "pre_build_script_0");
    }
    for (std::size_t i = 0; i < options_.commands.size(); ++i) {
      user_command(options_.commands[i], options_.section_prefix + '_' + std::to_string(i));
    }
    if (!options_.post_build_script.empty()) {
      user_command(options_.post_build_script, "post_build_script_0");
    }
    return std::move(text_);
  }

 private:
  void line(std::string_view text) {
    text_ += text;
    text_ += '\n';
  }

  void check_exit_code() {
    if (!options_.exit_code_check) return;
    line("_slipway_code=$?; if [ \"$_slipway_code\" -ne 0 ]; then exit \"$_slipway_code\"; fi");
  }

  void runner_command(std::string_view text) {
    line(text);
    check_exit_code();
  }

  void print(std::string_view text) {
    // Not echo: what it does with backslashes differs between the shells.
    runner_command("printf '%s\\n' " + quote_posix(text));
  }

  /// The temporary directory's file `name` as a shell word.
  std::string temp_file(std::string_view name) const {
    const auto& dir = options_.temp_dir;
    std::string path = dir.starts_with('/') ? "" : "\"$PWD\"/";
    path += quote_posix(dir);
    if (name.empty()) return path;
    path += '/';
    path += name;
    return path;
  }

  void declare_variables() {
    if (!options_.temp_dir.empty()) {
      runner_command("[ -d " + temp_file("") + " ] || mkdir -p " + temp_file(""));
    }
    for (const auto& variable : options_.variables.list()) {
      const auto& key = variable.key;
      if (!is_identifier(key)) {
        // Shells disagree on what happens to it (`A=B` would even be accepted), so it is refused
        // here.
        line("printf '%s\\n' " + quote_posix("export: `" + key + "': not a valid identifier") +
             " >&2");
        line("exit 1");
      } else if (variable.file && !options_.temp_dir.empty()) {
        const auto path = temp_file(key);
        runner_command("printf '%s' " + quote_posix(variable.value) + " > " + path);
        runner_command("export " + key + '=' + path);
      } else {
        runner_command("export " + key + '=' + quote_posix(variable.value));
      }
    }
  }

  /// What earlier stages wrote to $GITLAB_ENV becomes part of the environment.
  void read_job_environment() {
    if (options_.temp_dir.empty()) return;
    runner_command("export GITLAB_ENV=" + temp_file("gitlab_runner_env"));
    runner_command(": >> \"$GITLAB_ENV\"");
    runner_command(
        "while read -r _slipway_line; do export \"$_slipway_line\"; done < \"$GITLAB_ENV\"");
  }

  /// The seed leads git to the user's own files and to the helper that knows the token. Files that
  /// may not be read are left out: git would refuse to work.
  void configure_git() {
    if (!options_.git_seed || options_.temp_dir.empty()) return;
    std::string external;
    for (const char c : options_.temp_dir + "/.gitlab-runner.ext.conf") {
      if (c == '"' || c == '\\') external += '\\';
      external += c;
    }
    runner_command("export GIT_CONFIG_GLOBAL=" + temp_file(".glr.gconf"));
    runner_command(
        "{ for _slipway_file in .gitconfig .config/git/config; do"
        " if [ -r \"${HOME:-}/$_slipway_file\" ]; then"
        " printf '[include]\\n\\tpath = ~/%s\\n' \"$_slipway_file\"; fi; done;"
        " printf '[include]\\n\\tpath = \"%s\"\\n' " +
        quote_posix(external) + "; } 2>/dev/null > \"$GIT_CONFIG_GLOBAL\" || :");
  }

  void user_command(std::string_view command, const std::string& section) {
    const auto text = without_nul(trimmed(command));
    echo(text, section);
    if (text.empty()) return;
    line(text);
    check_exit_code();
  }

  void echo(std::string_view command, const std::string& section) {
    const auto end = command.find('\n');
    if (command.empty()) {
      runner_command("echo");
    } else if (end == std::string_view::npos) {
      print(coloured(colour::bold_green, "$ " + std::string{command}));
    } else if (!options_.script_sections) {
      const std::string first{command.substr(0, end)};
      print(coloured(colour::bold_green, "$ " + first + " # collapsed multi-line command"));
    } else {
      const auto name = quote_posix("section_" + section);
      const auto shown = coloured(colour::bold_green, "$ " + std::string{command});
      runner_command(
          "printf 'section_start:%s:%s[hide_duration=true,collapsed=true]\\r\\033[0K%s\\n' "
          "\"$(date +%s)\" " +
          name + ' ' + quote_posix(shown));
      runner_command("printf 'section_end:%s:%s\\r\\033[0K' \"$(date +%s)\" " + name);
    }
  }

  const ScriptOptions& options_;
  std::string text_;
};

}  // namespace

std::string quote_posix(std::string_view text) {
  bool plain = !text.empty();
  std::size_t quotes = 0;
  for (const char c : text) {
    if (c == '\'') ++quotes;
    plain = plain &&
            (is_name_character(c) || std::string_view{",-./@"}.find(c) != std::string_view::npos);
  }
  if (plain) return std::string{text};
  std::string word;
  word.reserve(text.size() + 3 * quotes + 2);
  word += '\'';
  for (const char c : text) {
    if (c == '\'') {
      word += "'\\''";
    } else if (c != '\0') {
      word += c;
    }
  }
  word += '\'';
  return word;
}

std::string generate_script(const ScriptOptions& options) {
  const auto body = quote_posix(Body{options}.take());
  std::string script = "#!/usr/bin/env sh\n\ntrap 'exit 1' TERM\n";
  if (options.debug_trace) script += "set -o xtrace\n";
  script += "if (set -o pipefail) 2>/dev/null; then set -o pipefail; fi\n";
  script += "set -o errexit\nset +o noclobber\n";
  if (options.legacy_eval) {
    script += ": | eval " + body + '\n';
  } else {
    script += "( trap 'exit 1' TERM; eval " + body + " ) </dev/null\n";
  }
  script += "exit 0\n";
  return script;
}

std::string shell_detection_script() {
  return "for shell in /usr/local/bin/bash /usr/bin/bash /bin/bash /usr/local/bin/sh /usr/bin/sh "
         "/bin/sh /busybox/sh; do\n"
         "  if [ -f \"$shell\" ] && [ -x \"$shell\" ]; then exec \"$shell\"; fi\n"
         "done\n"
         "echo shell not found\n"
         "exit 1\n";
}

}  // namespace slipway::job
