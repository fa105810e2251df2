#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "docker_api/attach.hpp"
#include "docker_api/client_impl.hpp"
#include "docker_api/json.hpp"
#include "docker_api/json_members.hpp"
#include "docker_api/liveness.hpp"
#include "util/async.hpp"

namespace slipway::docker_api {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view inspect_name = "GET /exec/{id}/json";

std::optional<int> read_exit_code(const nlohmann::json& answer) {
  const bool running = flag(answer, "Running");
  if (running || member(answer, "ExitCode").is_null()) return std::nullopt;
  return static_cast<int>(number(answer, "ExitCode"));
}

asio::awaitable<std::string> create_exec(Client::Impl& impl, std::string id,
                                         std::vector<std::string> command) {
  constexpr std::string_view name = "POST /containers/{id}/exec";
  Call call{name, fmt::format("/containers/{}/exec", path_segment(name, id)), limits::change()};
  const nlohmann::json body{{"AttachStdout", true}, {"AttachStderr", true}, {"Cmd", command}};
  auto text = to_text(body);
  const auto response = co_await impl.post_json(std::move(call), std::move(text));
  std::string exec_id;
  decode(name, response.body,
         [&](const nlohmann::json& answer) { exec_id = required_text(answer, "Id"); });
  co_return exec_id;
}

asio::awaitable<void> read_output(StreamAttachment& output, const StreamParser::Sink& sink,
                                  Liveness& liveness) {
  while (true) {
    const bool more = co_await output.read(sink);
    if (!more) break;
    liveness.heard();
  }
}

asio::awaitable<void> run_exec(Client::Impl& impl, std::string exec_id, StreamParser::Sink sink) {
  constexpr std::string_view name = "POST /exec/{id}/start";
  Call call{name, fmt::format("/exec/{}/start", path_segment(name, exec_id)), limits::change()};
  call.headers.set("Content-Type", "application/json");
  call.body = R"({"Detach":false,"Tty":false})";
  auto stream = co_await impl.transport.upgrade(std::move(call));
  StreamAttachment output{std::move(stream)};
  Liveness liveness{impl.transport, name};
  auto reading = read_output(output, sink, liveness);
  co_await liveness.guard(std::move(reading));
}

/// The output may end a moment before the Engine has noted the exit code.
asio::awaitable<int> wait_exec(Client::Impl& impl, std::string exec_id) {
  const auto deadline = std::chrono::steady_clock::now() + limits::exec_end;
  std::chrono::milliseconds pause = 10ms;
  while (true) {
    Call call{inspect_name, fmt::format("/exec/{}/json", path_segment(inspect_name, exec_id)),
              limits::query()};
    const auto response = co_await impl.transport.send(std::move(call));
    const auto code = decode_as(inspect_name, response.body, read_exit_code);
    if (code) co_return *code;
    if (std::chrono::steady_clock::now() > deadline)
      throw EngineError{std::string{inspect_name}, 0,
                        "the command's output ended, but not the command"};
    co_await util::sleep_for(pause);
    pause = std::min<std::chrono::milliseconds>(2 * pause, 500ms);
  }
}

}  // namespace

asio::awaitable<int> Client::exec(std::string id, std::vector<std::string> command,
                                  StreamParser::Sink sink) {
  auto exec_id = co_await create_exec(*impl_, std::move(id), std::move(command));
  co_await run_exec(*impl_, exec_id, std::move(sink));
  co_return co_await wait_exec(*impl_, exec_id);
}

}  // namespace slipway::docker_api
