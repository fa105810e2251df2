#include "cmd/slipway/exec_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "cmd/slipway/exec_artifacts.hpp"
#include "cmd/slipway/exec_pipeline.hpp"
#include "cmd/slipway/execution.hpp"
#include "cmd/slipway/fatal.hpp"
#include "local/ci/error.hpp"

namespace slipway::cmd {

namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using local::exec::PipelineResult;
using local::exec::SnapshotStore;

constexpr std::int64_t kept_pipelines = 20;

void write_file(const std::string& path, const std::string& text) {
  std::ofstream file{path, std::ios::binary | std::ios::trunc};
  file << text;
  file.flush();
  if (!file) throw Fatal{fmt::format("cannot write {}", path)};
}

/// Artifacts of jobs of one name are told apart by their pipelines.
void copy_artifacts(const PipelineResult& result, const fs::path& target) {
  for (const auto& job : result.jobs) {
    auto directory = target;
    if (!job.pipeline.empty()) directory /= fs::path{job.pipeline}.relative_path();
    auto name = job.name;
    std::replace(name.begin(), name.end(), '/', '_');
    for (const auto& file : job.artifacts)
      if (fs::path{file}.filename() == "artifacts.zip") unpack_artifacts(file, directory / name);
  }
}

void report(const ExecOptions& options, const PipelineResult& result, bool colours) {
  fmt::print("\n{}", local::exec::summary_text(result, colours));
  std::fflush(stdout);
  if (!options.report_json.empty())
    write_file(options.report_json,
               local::exec::result_json(result).dump(2, ' ', /*ensure_ascii=*/false,
                                                     nlohmann::json::error_handler_t::replace) +
                   "\n");
  if (!options.report_junit.empty())
    write_file(options.report_junit, local::exec::result_junit(result));
  if (!options.artifacts_to.empty()) copy_artifacts(result, options.artifacts_to);
}

/// Logs and artifacts of the last runs stay.
void remove_old(const SnapshotStore& store, std::int64_t newest) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator{store.directory() / "pipelines", error}) {
    const auto id = std::strtoll(entry.path().filename().c_str(), nullptr, 10);
    std::error_code ignored;
    if (id <= newest - kept_pipelines) fs::remove_all(entry.path(), ignored);
  }
}

/// Jobs that will not run may ask for what cannot be had.
void refuse(const ExecOptions& options, const local::ci::Pipeline& pipeline,
            const std::vector<std::size_t>& chosen) {
  const auto started = [&](const local::ci::Job& job) {
    const auto is_among = [&](const std::vector<std::string>& names) {
      return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
        return name == "all" || name == job.name || name == job.spec->name;
      });
    };
    return job.when != local::ci::When::manual || is_among(options.manual) ||
           is_among(options.jobs);
  };
  std::vector<std::string> names;
  for (const auto at : chosen)
    if (started(pipeline.jobs[at])) names.push_back(pipeline.jobs[at].name);
  if (!names.empty()) local::ci::require_runnable(pipeline, names);
}

std::vector<std::size_t> choose(const ExecOptions& options, const local::ci::Pipeline& pipeline) {
  local::exec::Selection selection;
  selection.jobs = options.jobs;
  selection.with_needs = options.needs;
  selection.from_stage = options.from_stage;
  try {
    return select_jobs(pipeline, selection);
  } catch (const std::invalid_argument& error) {
    throw Fatal{error.what()};
  }
}

std::string snapshot(const ExecOptions& options, const ExecProject& project, SnapshotStore& store) {
  try {
    return options.committed ? project.tree().head() : store.commit_work_tree();
  } catch (const local::GitError& error) {
    throw Fatal{fmt::format("the work tree cannot be read: {}", error.what())};
  }
}

PipelineResult execute(Execution& execution, asio::io_context& io,
                       const std::vector<std::size_t>& chosen) {
  std::optional<PipelineResult> result;
  std::exception_ptr failure;
  asio::co_spawn(io, execution.run(chosen), [&](std::exception_ptr ended, PipelineResult outcome) {
    failure = ended;
    result = std::move(outcome);
    io.stop();  // idle connections would keep it for a while
  });
  io.run();
  if (failure) std::rethrow_exception(failure);
  return std::move(*result);
}

/// One run. `sha` is set to what was run.
int run_once(const ExecOptions& options, std::string& sha) {
  ExecProject project{options};
  if (!project.tree().has_git())
    throw Fatal{fmt::format("{} is in no git repository; `git init` makes one",
                            project.tree().root().string())};
  SnapshotStore store{project.tree(), fs::path{options.state_dir}};
  sha = snapshot(options, project, store);
  auto& facts = project.facts();
  facts.sha = sha;
  facts.pipeline_id = facts.pipeline_iid = store.next_pipeline();
  const auto pipeline = project.compile();
  for (const auto& warning : pipeline.warnings)
    fmt::print(stderr, "{}: warning: {}\n", pipeline.sources.describe(warning.mark), warning.text);
  if (!pipeline.runs) {
    fmt::print(stderr, "GitLab would make no pipeline: {}\n", pipeline.why_not);
    return 0;
  }
  const auto chosen = choose(options, pipeline);
  refuse(options, pipeline, chosen);
  store.publish(pipeline.facts);

  // A peer that goes away is an error of the call, not the end of the process.
  std::signal(SIGPIPE, SIG_IGN);
  asio::io_context io{1};
  Execution execution{io.get_executor(), options, project, store, pipeline};
  const auto result = execute(execution, io, chosen);
  report(options, result, execution.colours());
  remove_old(store, pipeline.facts.pipeline_id);
  store.tidy();
  return local::exec::exit_code_of(result.status);
}

/// Waits until the work tree is not what it was.
void await_change(const ExecOptions& options, const std::string& sha) {
  fmt::print("waiting for the work tree to change (^C ends)\n");
  std::fflush(stdout);
  ExecProject project{options};
  SnapshotStore store{project.tree(), fs::path{options.state_dir}};
  while (snapshot(options, project, store) == sha) std::this_thread::sleep_for(1s);
}

}  // namespace

int run_pipeline(const ExecOptions& options) {
  while (true) {
    std::string sha;
    int code = 1;
    try {
      code = run_once(options, sha);
    } catch (const local::ci::ConfigError& error) {
      // The next change may put it right.
      if (!options.watch) throw;
      fmt::print(stderr, "{}\n", error.what());
    }
    constexpr int interrupted = 130;
    if (!options.watch || code == interrupted) return code;
    await_change(options, sha);
  }
}

}  // namespace slipway::cmd
