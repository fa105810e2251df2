// FF_DISABLE_UMASK_FOR_DOCKER_EXECUTOR: the sources belong to the user that the job's image runs
// as, instead of being writable for all.

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "executors/docker/docker_executor.hpp"
#include "executors/docker/user_ids.hpp"
#include "job/failure.hpp"

namespace slipway::executors::docker {

namespace {

constexpr std::size_t kept_output = 1024;

std::string shell_quoted(std::string_view text) {
  std::string out{"'"};
  for (const char c : text) c == '\'' ? out += "'\\''" : out += c;
  return out += '\'';
}

}  // namespace

/// Of a build container that was started just now; nothing to do where the image runs as root.
asio::awaitable<void> DockerExecutor::give_files_to_user() {
  const auto& user = plan_.build.user.empty() ? build_image_.user : plan_.build.user;
  if (!plan_.keep_umask || !helper_ || user.empty() || user == "root") co_return;
  const auto owner = co_await ask_user_ids();
  if (owner.uid == 0) co_return;
  std::string script;
  for (const auto* dir : {&plan_.environment.project_dir, &plan_.environment.temp_dir}) {
    log_.plain(
        fmt::format("Changing ownership of files at \"{}\" to {}:{}", *dir, owner.uid, owner.gid));
    script += fmt::format("[ ! -e {0} ] || chown -RP -- {1}:{2} {0} || failed=1\n",
                          shell_quoted(*dir), owner.uid, owner.gid);
  }
  agent::Stage request;
  request.id = next_stage_++;
  request.name = "change_owner";
  request.body = script + "exit ${failed:-0}\n";
  const Current current{*this, helper_.get()};
  const auto result = co_await helper_->run(std::move(request));
  log_.flush(job::LogStream::script);
  if (result.exit_code != 0)
    spdlog::warn("changing the owner of the job's files failed code={} container={}",
                 result.exit_code, plan_.helper.name);
}

asio::awaitable<UserIds> DockerExecutor::ask_user_ids() {
  std::string output;
  const AgentContainer::Capture capture = [&output](agent::Stream stream, std::string_view bytes) {
    if (stream != agent::Stream::out) return;
    output += bytes;
    if (output.size() > kept_output) output.erase(0, output.size() - kept_output);
  };
  agent::Stage request;
  request.id = next_stage_++;
  request.name = "user_ids";
  request.body = "id -u && id -g\nexit $?\n";
  const Current current{*this, build_.get()};
  const auto result = co_await build_->run(std::move(request), capture);
  const auto ids = parse_user_ids(output);
  if (result.exit_code != 0 || !ids)
    throw job::Failure{job::FailureReason::runner_system_failure,
                       "the user and group of the build container could not be learnt: `id -u` and "
                       "`id -g` must print a number each"};
  co_return *ids;
}

}  // namespace slipway::executors::docker
