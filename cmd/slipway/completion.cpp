#include "cmd/slipway/completion.hpp"

#include <fmt/format.h>

#include <vector>

#include "cmd/slipway/go_style.hpp"

namespace slipway::cmd {

namespace {

std::vector<const CLI::App*> commands_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

std::string flags_of(const CLI::App& app) {
  std::string out;
  for (const auto* option : app.get_options())
    for (const auto& name : option->get_lnames()) out += (out.empty() ? "--" : " --") + name;
  return out;
}

std::string names_of(const CLI::App& app) {
  std::string out;
  for (const auto* command : commands_of(app))
    out += (out.empty() ? "" : " ") + command->get_name();
  return out;
}

/// Within single quotes.
std::string quoted(const std::string& text) {
  std::string out;
  for (const char c : text) out += c == '\'' ? std::string{"'\\''"} : std::string(1, c);
  return "'" + out + "'";
}

/// Values are files where nothing better is known.
std::string bash(const CLI::App& app, const std::string& program) {
  auto out = fmt::format(
      "# bash completion for {0}\n_{0}() {{\n"
      "  local cur=${{COMP_WORDS[COMP_CWORD]}} command= flags word\n"
      "  for word in \"${{COMP_WORDS[@]:1:COMP_CWORD-1}}\"; do\n"
      "    [[ $word == -* ]] || {{ command=$word; break; }}\n"
      "  done\n"
      "  case $command in\n",
      program);
  for (const auto* command : commands_of(app))
    out += fmt::format("    {}) flags={} ;;\n", command->get_name(), quoted(flags_of(*command)));
  out += fmt::format(
      "    completion) COMPREPLY=($(compgen -W 'bash zsh fish' -- \"$cur\")); return ;;\n"
      "    help | man) COMPREPLY=($(compgen -W {0} -- \"$cur\")); return ;;\n"
      "    '') flags={1} ;;\n"
      "  esac\n"
      "  if [[ $cur == -* ]]; then\n"
      "    COMPREPLY=($(compgen -W \"$flags\" -- \"$cur\"))\n"
      "  elif [[ -z $command ]]; then\n"
      "    COMPREPLY=($(compgen -W {0}' completion help man' -- \"$cur\"))\n"
      "  else\n"
      "    COMPREPLY=($(compgen -f -- \"$cur\"))\n"
      "  fi\n"
      "}}\n"
      "complete -o filenames -F _{2} {2}\n",
      quoted(names_of(app)), quoted(flags_of(app)), program);
  return out;
}

std::string zsh_flags(const CLI::App& app) {
  std::string out;
  for (const auto* option : app.get_options())
    for (const auto& name : option->get_lnames()) {
      std::string text;
      for (const char c : option->get_description()) {
        if (c == '[' || c == ']' || c == ':' || c == '\\') text += '\\';
        text += c;
      }
      out += " " + quoted(fmt::format("--{}{}[{}]{}", name, is_boolean_flag(*option) ? "" : "=",
                                      text, is_boolean_flag(*option) ? "" : ":value:_files"));
    }
  return out;
}

std::string zsh(const CLI::App& app, const std::string& program) {
  auto out = fmt::format("#compdef {0}\n_{0}() {{\n  local -a commands=(\n", program);
  for (const auto* command : commands_of(app))
    out += fmt::format("    {}\n", quoted(command->get_name() + ":" + command->get_description()));
  out += fmt::format(
      "  )\n"
      "  if (( CURRENT == 2 )); then\n"
      "    _describe command commands\n"
      "    _arguments{}\n"
      "    return\n"
      "  fi\n"
      "  local command=$words[2]\n"
      "  shift words; (( CURRENT-- ))\n"
      "  case $command in\n",
      zsh_flags(app));
  for (const auto* command : commands_of(app))
    out += fmt::format("    {}) _arguments{} ;;\n", command->get_name(), zsh_flags(*command));
  out += fmt::format("  esac\n}}\ncompdef _{0} {0}\n", program);
  return out;
}

std::string fish_flags(const CLI::App& app, const std::string& program, const std::string& when) {
  std::string out;
  for (const auto* option : app.get_options()) {
    std::string names;
    for (const auto& name : option->get_snames()) names += " -s " + name;
    for (const auto& name : option->get_lnames()) names += " -l " + name;
    out += fmt::format("complete -c {} -n {}{}{} -d {}\n", program, quoted(when), names,
                       is_boolean_flag(*option) ? "" : " -r", quoted(option->get_description()));
  }
  return out;
}

std::string fish(const CLI::App& app, const std::string& program) {
  auto out = fmt::format("# fish completion for {}\n", program);
  for (const auto* command : commands_of(app))
    out += fmt::format("complete -c {} -f -n __fish_use_subcommand -a {} -d {}\n", program,
                       command->get_name(), quoted(command->get_description()));
  out += fish_flags(app, program, "__fish_use_subcommand");
  for (const auto* command : commands_of(app))
    out += fish_flags(*command, program, "__fish_seen_subcommand_from " + command->get_name());
  return out;
}

std::string roff(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else
      out += c;
  }
  // A request would begin there.
  return out.starts_with('.') || out.starts_with('\'') ? "\\&" + out : out;
}

std::string roff_options(const CLI::App& app) {
  std::string out;
  for (const auto* option : app.get_options()) {
    std::string names;
    const std::string value = is_boolean_flag(*option) ? "" : " \\fIvalue\\fR";
    for (const auto& name : option->get_snames())
      names += fmt::format("{}\\fB\\-{}\\fR{}", names.empty() ? "" : ", ", roff(name), value);
    for (const auto& name : option->get_lnames())
      names += fmt::format("{}\\fB\\-\\-{}\\fR{}", names.empty() ? "" : ", ", roff(name), value);
    auto text = option->get_description();
    if (!option->get_default_str().empty())
      text += fmt::format(" (default: {})", option->get_default_str());
    if (!option->get_envname().empty()) text += fmt::format(" [${}]", option->get_envname());
    out += fmt::format(".TP\n{}\n{}\n", names, roff(text));
  }
  return out;
}

}  // namespace

std::string completion_script(const CLI::App& app, const std::string& program,
                              const std::string& shell) {
  if (shell == "bash") return bash(app, program);
  if (shell == "zsh") return zsh(app, program);
  if (shell == "fish") return fish(app, program);
  throw UsageError{
      fmt::format("completion for \"{}\" is not known: bash, zsh, fish", shell.substr(0, 64))};
}

std::string man_page(const CLI::App& app, const std::string& program, const CLI::App* command) {
  const auto name = command ? program + "-" + command->get_name() : program;
  const auto summary = command ? command->get_description() : app.get_description();
  std::string title = name;
  for (auto& c : title)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
  auto out = fmt::format(
      ".TH {} 1 \"\" \"slipway\" \"User Commands\"\n.SH NAME\n{} \\- {}\n"
      ".SH SYNOPSIS\n",
      title, roff(name), roff(summary));
  if (command != nullptr) {
    out += fmt::format(".B {} {}\n[\\fIoptions\\fR]\n.SH OPTIONS\n{}", roff(program),
                       roff(command->get_name()), roff_options(*command));
    return out + fmt::format(".SH SEE ALSO\n.BR {} (1)\n", roff(program));
  }
  out += fmt::format(
      ".B {}\n[\\fIglobal options\\fR] \\fIcommand\\fR [\\fIoptions\\fR]\n"
      ".SH COMMANDS\n",
      roff(program));
  std::string pages;
  for (const auto* one : commands_of(app)) {
    out += fmt::format(".TP\n.B {}\n{}\n", roff(one->get_name()), roff(one->get_description()));
    pages += fmt::format("{}.BR {}\\-{} (1)", pages.empty() ? "" : ",\n", roff(program),
                         roff(one->get_name()));
  }
  out += ".SH GLOBAL OPTIONS\n" + roff_options(app);
  out +=
      ".SH FILES\n.TP\n/etc/slipway/config.toml\nThe configuration.\n.TP\n/var/lib/slipway\n"
      "Journals and logs of running jobs.\n";
  return out + ".SH SEE ALSO\n" + pages + "\n";
}

}  // namespace slipway::cmd
