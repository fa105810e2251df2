#include <memory>

#include "cmd/slipway/commands.hpp"
#include "cmd/slipway/exec_options.hpp"

namespace slipway::cmd {

namespace {

void add_input_options(CLI::App& command, ExecOptions& options) {
  const auto all = CLI::MultiOptionPolicy::TakeAll;
  command.add_option("-C,--directory", options.directory, "Directory within the repository");
  command.add_option("-f,--file", options.file, "Configuration, from the repository's root")
      ->capture_default_str();
  command.add_flag("--committed", options.committed, "Take HEAD, without uncommitted changes");
  command.add_option("--variable", options.variables, "NAME=value; may be given several times")
      ->multi_option_policy(all);
  command
      .add_option("--masked-variable", options.masked_variables,
                  "NAME=value that is hidden in logs")
      ->multi_option_policy(all);
  command
      .add_option("--variable-file", options.variable_files,
                  "File with a variable per line; .slipway-variables is read by itself")
      ->multi_option_policy(all);
  command.add_option("--input", options.inputs, "name=value for spec:inputs, the value in YAML")
      ->multi_option_policy(all);
  command.add_option("--template-dir", options.template_dir, "Where include:template finds files");
}

void add_view_options(CLI::App& command, ExecOptions& options) {
  command.add_flag("--list", options.list, "List the pipeline's jobs, run nothing");
  command.add_flag("--json", options.json, "With --list: as JSON");
  command.add_flag("--graph", options.graph, "Show what waits for what");
  command.add_flag("--dot", options.dot, "With --graph: for Graphviz");
  command.add_flag("--preview", options.preview,
                   "Print the configuration with includes and extends resolved");
  command.add_option("--explain", options.explain,
                     "Say why a job is in the pipeline or is not, rule by rule");
}

void add_run_options(CLI::App& command, ExecOptions& options) {
  const auto all = CLI::MultiOptionPolicy::TakeAll;
  command.add_flag("--needs", options.needs, "With jobs: what they need runs before them");
  command.add_option("--from-stage", options.from_stage, "Leave the stages before this one out");
  command.add_option("--manual", options.manual, "Start this manual job by itself; `all`")
      ->multi_option_policy(all);
  command.add_flag("--no-delay", options.no_delay, "Start delayed jobs at once");
  command
      .add_option("--concurrency", options.concurrency,
                  "Most jobs at once; 0: one per processor, at least 2")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  command.add_option("--image", options.image, "Image of jobs that name none")
      ->capture_default_str();
  command
      .add_option("--pull-policy", options.pull_policy,
                  "always, if-not-present (default) or never; tried in order")
      ->multi_option_policy(all);
  command.add_option("--volume", options.volumes, "One more volume of every job, host:container")
      ->multi_option_policy(all);
  command.add_flag("--unprivileged", options.unprivileged,
                   "No privileged containers: Docker-in-Docker does not work then");
  command.add_flag("--watch", options.watch, "Run again whenever the work tree changes");
}

void add_output_options(CLI::App& command, ExecOptions& options) {
  command.add_option("--artifacts-to", options.artifacts_to, "Copy the jobs' artifacts there");
  command.add_option("--report-json", options.report_json, "Write what became of the jobs as JSON");
  command.add_option("--report-junit", options.report_junit, "The same as JUnit XML");
  command
      .add_option("--state-dir", options.state_dir, "Where logs, artifacts and snapshots are kept")
      ->capture_default_str();
  command.add_flag("--plain", options.plain, "Lines instead of a live view");
}

}  // namespace

void add_exec_command(CLI::App& command, const Context& context, Action& action) {
  const auto options = std::make_shared<ExecOptions>();  // shared with the action
  options->state_dir = context.paths.state_dir + "/exec";
  options->certs_dir = context.paths.certs_dir;
  command.add_option("jobs", options->jobs, "These jobs alone, in the pipeline's order");
  add_input_options(command, *options);
  add_view_options(command, *options);
  add_run_options(command, *options);
  add_output_options(command, *options);
  command.callback([options, &action] { action = [options] { return exec_pipeline(*options); }; });
}

}  // namespace slipway::cmd
