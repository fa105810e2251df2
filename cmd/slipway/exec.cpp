#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "cmd/slipway/exec_options.hpp"
#include "cmd/slipway/exec_pipeline.hpp"
#include "cmd/slipway/exec_run.hpp"
#include "cmd/slipway/go_style.hpp"
#include "local/ci/error.hpp"
#include "local/ci/views.hpp"

namespace slipway::cmd {

namespace {

int print(const std::string& text) {
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0
             ? 0
             : 1;
}

bool is_view(const ExecOptions& options) {
  return options.list || options.graph || options.preview || !options.explain.empty();
}

void check(const ExecOptions& options) {
  const int views =
      int{options.list} + int{options.graph} + int{options.preview} + int{!options.explain.empty()};
  if (views > 1) throw UsageError{"only one of --list, --graph, --preview and --explain is shown"};
  if (options.json && !options.list) throw UsageError{"--json goes with --list"};
  if (options.dot && !options.graph) throw UsageError{"--dot goes with --graph"};
  if (options.needs && options.jobs.empty()) throw UsageError{"--needs goes with names of jobs"};
  if (!options.from_stage.empty() && !options.jobs.empty())
    throw UsageError{"--from-stage goes without names of jobs"};
  if (is_view(options) && !options.jobs.empty())
    throw UsageError{"names of jobs say what to run; --explain takes one of its own"};
}

void print_warnings(const local::ci::Pipeline& pipeline) {
  for (const auto& warning : pipeline.warnings)
    fmt::print(stderr, "{}: warning: {}\n", pipeline.sources.describe(warning.mark), warning.text);
}

int show(const ExecOptions& options, const local::ci::Pipeline& pipeline) {
  if (options.preview) return print(local::ci::preview(pipeline));
  if (options.graph)
    return print(options.dot ? local::ci::graph_dot(pipeline) : local::ci::graph_text(pipeline));
  if (!options.explain.empty()) {
    const auto text = local::ci::explain(pipeline, options.explain);
    if (!text.empty()) return print(text);
    fmt::print(stderr, "there is no job \"{}\" in {}\n", options.explain, options.file);
    return 1;
  }
  if (options.json)
    return print(local::ci::list_json(pipeline).dump(2, ' ', /*ensure_ascii=*/false,
                                                     nlohmann::json::error_handler_t::replace) +
                 "\n");
  if (!pipeline.runs) fmt::print(stderr, "GitLab would make no pipeline: {}\n", pipeline.why_not);
  return print(local::ci::list_text(pipeline));
}

}  // namespace

int exec_pipeline(const ExecOptions& options) {
  check(options);
  try {
    if (!is_view(options)) return run_pipeline(options);
    ExecProject project{options};
    const auto pipeline = project.compile();
    print_warnings(pipeline);
    return show(options, pipeline);
  } catch (const local::ci::ConfigError& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}

}  // namespace slipway::cmd
