#include "cmd/slipway/coordinator_call.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <functional>
#include <utility>

#include "cmd/slipway/log_format.hpp"
#include "job/job.hpp"
#include "util/async.hpp"
#include "util/run.hpp"

namespace slipway::cmd {

namespace {

using gitlab_api::Client;
using gitlab_api::ClientOptions;
using gitlab_api::Status;
using Call = std::function<asio::awaitable<void>(Client&)>;

constexpr std::chrono::minutes call_limit{5};

asio::awaitable<std::size_t> call_or_signal(asio::awaitable<void> call,
                                            const Interruption* interruption) {
  if (interruption == nullptr) {
    co_await std::move(call);
    co_return 0;
  }
  auto signalled = interruption->wait();
  co_return co_await util::first_of(std::move(call), std::move(signalled));
}

asio::awaitable<void> perform(ClientOptions options, const Interruption* interruption, Call call) {
  const auto executor = co_await asio::this_coro::executor;
  Client client{executor, std::move(options)};
  auto work = call(client);
  auto guarded = call_or_signal(std::move(work), interruption);
  const auto first = co_await util::with_timeout(std::move(guarded), call_limit);
  if (first == 1) throw interruption->error();
}

asio::awaitable<void> do_register(Client& client, gitlab_api::RegisterParameters parameters,
                                  gitlab_api::RegisterResult& result) {
  result = co_await client.register_runner(std::move(parameters));
}

asio::awaitable<void> do_verify(Client& client, gitlab_api::RegisterResult& result) {
  result = co_await client.verify_runner();
}

asio::awaitable<void> do_unregister(Client& client, gitlab_api::CallResult& result) {
  result = co_await client.unregister_runner();
}

asio::awaitable<void> do_reset(Client& client, std::int64_t runner, util::Secret personal_token,
                               gitlab_api::RegisterResult& result) {
  auto resetting = personal_token.empty() ? client.reset_token()
                                          : client.reset_token(runner, std::move(personal_token));
  result = co_await std::move(resetting);
}

/// Runs `call`, which stores its result; a timeout becomes one.
void run_call(ClientOptions options, const Interruption* interruption, Call call,
              gitlab_api::CallResult& result) {
  try {
    util::run_to_end(perform(std::move(options), interruption, std::move(call)));
  } catch (const util::TimeoutError& error) {
    result.status = Status::failed;
    result.text = error.what();
  }
}

}  // namespace

gitlab_api::RegisterResult call_register(ClientOptions options,
                                         gitlab_api::RegisterParameters parameters,
                                         const Interruption* interruption) {
  gitlab_api::RegisterResult result;
  const auto call = [&](Client& client) { return do_register(client, parameters, result); };
  run_call(std::move(options), interruption, call, result.call);
  return result;
}

gitlab_api::RegisterResult call_verify(ClientOptions options, const Interruption* interruption) {
  gitlab_api::RegisterResult result;
  const auto call = [&](Client& client) { return do_verify(client, result); };
  run_call(std::move(options), interruption, call, result.call);
  return result;
}

gitlab_api::CallResult call_unregister(ClientOptions options) {
  gitlab_api::CallResult result;
  const auto call = [&](Client& client) { return do_unregister(client, result); };
  run_call(std::move(options), nullptr, call, result);
  return result;
}

gitlab_api::RegisterResult call_reset_token(ClientOptions options, std::int64_t runner,
                                            util::Secret personal_token) {
  gitlab_api::RegisterResult result;
  const auto call = [&](Client& client) {
    return do_reset(client, runner, personal_token, result);
  };
  run_call(std::move(options), nullptr, call, result.call);
  return result;
}

std::string failure_fields(const gitlab_api::CallResult& result) {
  auto out = fmt::format("error={}", log_value(result.text));
  if (!result.correlation_id.empty()) out += " correlation_id=" + log_value(result.correlation_id);
  if (result.text.find("certificate refused") != std::string::npos)
    out += " hint=" + log_value(
                          "the CA certificates are those of tls-ca-file (--tls-ca-file), else "
                          "<host>.crt in the directory certs beside the default "
                          "configuration file, else the system's");
  return out;
}

bool log_verified(const gitlab_api::CallResult& result, const util::Secret& token) {
  const bool created_in_ui = token.reveal().starts_with("glrt-");
  const auto runner = log_value(job::short_token(token.reveal()));
  switch (result.status) {
    case Status::ok:
      spdlog::info("Verifying runner... {} runner={}", created_in_ui ? "is valid" : "is alive",
                   runner);
      return false;
    case Status::forbidden:
      spdlog::error("Verifying runner... {} runner={} {}",
                    created_in_ui ? "is not valid" : "is removed", runner, failure_fields(result));
      return true;
    case Status::client_error:
      spdlog::error("Verifying runner... client error runner={} {}", runner,
                    failure_fields(result));
      return false;
    default:
      spdlog::error("Verifying runner... failed runner={} {}", runner, failure_fields(result));
      return false;
  }
}

bool unregister_logged(ClientOptions options) {
  const auto runner = log_value(job::short_token(options.token.reveal()));
  const auto* what = options.token.reveal().starts_with("glrt-")
                         ? "Unregistering runner manager from GitLab"
                         : "Unregistering runner from GitLab";
  const auto result = call_unregister(std::move(options));
  if (result.status == Status::ok) {
    spdlog::info("{} succeeded runner={}", what, runner);
    return true;
  }
  const auto* how = result.status == Status::forbidden      ? "forbidden"
                    : result.status == Status::client_error ? "client error"
                                                            : "failed";
  spdlog::error("{} {} runner={} {}", what, how, runner, failure_fields(result));
  return false;
}

}  // namespace slipway::cmd
