#include "gitlab_api/client.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "gitlab_api/answers.hpp"
#include "gitlab_api/info.hpp"
#include "gitlab_api/transport.hpp"

namespace slipway::gitlab_api {

namespace {

constexpr std::size_t payload_limit = 32u << 20;

/// Text from files and servers may be broken UTF-8, which must not end in an exception.
std::string dump(const nlohmann::json& json) {
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Call json_call(std::string method, std::string path, const nlohmann::json& body) {
  Call call{std::move(method), std::move(path), {{"Content-Type", "application/json"}}, dump(body)};
  return call;
}

RegisterResult needing_token(RegisterResult result) {
  if (result.call.status == Status::ok && result.token.empty()) {
    result.call.status = Status::failed;
    result.call.text += ": the answer holds no token";
  }
  return result;
}

}  // namespace

class Client::Impl {
 public:
  Impl(asio::any_io_executor executor, ClientOptions options)
      : options_{std::move(options)}, transport_{std::move(executor), options_} {}

  const ClientOptions& options() const { return options_; }
  Transport& transport() { return transport_; }
  const std::string& token() const { return options_.token.reveal(); }
  nlohmann::json info() const { return info_json(options_.info); }
  const std::string& last_update() const { return last_update_; }
  void use_token(util::Secret token) { options_.token = std::move(token); }

  /// Any answer to a JSON call may carry the queue's state, unless its body could not be decoded.
  void note_update(const Answer& answer) {
    if (auto update = answer.headers.get("X-GitLab-Last-Update"); !update.empty())
      last_update_ = std::move(update);
  }

  asio::awaitable<RegisterResult> reset_token(Call call) {
    call.headers.set("Accept", "application/json");
    call.endpoint = "reset_token";
    const auto answer = co_await transport_.send(std::move(call));
    auto decoded = decode_runner(answer, 201);
    if (decoded.decoded || answer.status != 201) note_update(answer);
    co_return needing_token(std::move(decoded.result));
  }

 private:
  ClientOptions options_;
  Transport transport_;
  std::string last_update_;
};

Client::Client(asio::any_io_executor executor, ClientOptions options)
    : impl_{std::make_unique<Impl>(std::move(executor), std::move(options))} {}

Client::~Client() = default;

const ClientOptions& Client::options() const {
  return impl_->options();
}
std::string Client::ca_content() const {
  const auto& file = impl_->transport().tls().options().ca;
  return file.empty() ? impl_->transport().server_chain() : file;
}
const std::string& Client::certificate_content() const {
  return impl_->transport().tls().options().certificate;
}
const std::string& Client::key_content() const {
  return impl_->transport().tls().options().key;
}
void Client::close_idle() {
  impl_->transport().close_idle();
}

asio::awaitable<RegisterResult> Client::register_runner(RegisterParameters parameters) {
  nlohmann::json body{{"info", impl_->info()},
                      {"locked", parameters.locked},
                      {"paused", parameters.paused},
                      {"run_untagged", parameters.run_untagged || parameters.tag_list.empty()}};
  const auto add = [&body](const char* key, const std::string& value) {
    if (!value.empty()) body[key] = value;
  };
  const auto& token = parameters.registration_token.reveal();
  add("token", token);
  add("description", parameters.description);
  add("maintenance_note", parameters.maintenance_note);
  add("tag_list", parameters.tag_list);
  add("access_level", parameters.access_level);
  if (parameters.maximum_timeout != 0) body["maximum_timeout"] = parameters.maximum_timeout;
  auto call = json_call("POST", "runners", body);
  call.headers.set("RUNNER-TOKEN", token);
  call.headers.set("Accept", "application/json");
  call.secrets.push_back(token);
  const auto answer = co_await impl_->transport().send(std::move(call));
  auto decoded = decode_runner(answer, 201);
  if (decoded.decoded || answer.status != 201) impl_->note_update(answer);
  co_return needing_token(std::move(decoded.result));
}

asio::awaitable<RegisterResult> Client::verify_runner() {
  nlohmann::json body{{"info", impl_->info()}, {"token", impl_->token()}};
  if (!options().system_id.empty()) body["system_id"] = options().system_id;
  auto call = json_call("POST", "runners/verify", body);
  call.headers.set("RUNNER-TOKEN", impl_->token());
  auto plain = call;
  call.headers.set("Accept", "application/json");
  const auto answer = co_await impl_->transport().send(std::move(call));
  const auto first = decode_runner(answer, 200);
  if (first.decoded || answer.status != 200) impl_->note_update(answer);
  const bool unclear = answer.status == 0 || answer.status == 200;
  if (first.decoded || answer.client_error || !unclear) co_return first.result;
  // Old servers answer in plain text.
  const auto second = co_await impl_->transport().send(std::move(plain));
  impl_->note_update(second);
  RegisterResult result;
  result.call = call_result(second, 200);
  co_return result;
}

asio::awaitable<CallResult> Client::unregister_runner() {
  const bool manager = impl_->token().starts_with("glrt-");
  nlohmann::json body{{"token", impl_->token()}};
  if (manager) body["system_id"] = options().system_id;
  auto call = json_call("DELETE", manager ? "runners/managers" : "runners", body);
  call.headers.set("RUNNER-TOKEN", impl_->token());
  const auto answer = co_await impl_->transport().send(std::move(call));
  impl_->note_update(answer);
  co_return call_result(answer, 204);
}

asio::awaitable<RegisterResult> Client::reset_token() {
  const nlohmann::json body{{"token", impl_->token()}};
  auto call = json_call("POST", "runners/reset_authentication_token", body);
  auto resetting = impl_->reset_token(std::move(call));
  co_return co_await std::move(resetting);
}

asio::awaitable<RegisterResult> Client::reset_token(std::int64_t runner,
                                                    util::Secret personal_token) {
  auto call = json_call("POST", fmt::format("runners/{}/reset_authentication_token", runner),
                        nlohmann::json::object());
  call.headers.set("PRIVATE-TOKEN", personal_token.reveal());
  call.secrets.push_back(personal_token.reveal());
  auto resetting = impl_->reset_token(std::move(call));
  co_return co_await std::move(resetting);
}

void Client::use_token(util::Secret token) {
  impl_->use_token(std::move(token));
}

asio::awaitable<JobRequestResult> Client::request_job() {
  nlohmann::json body{{"info", impl_->info()}, {"token", impl_->token()}};
  if (!options().system_id.empty()) body["system_id"] = options().system_id;
  if (!impl_->last_update().empty()) body["last_update"] = impl_->last_update();
  auto call = json_call("POST", "jobs/request", body);
  call.headers.set("RUNNER-TOKEN", impl_->token());
  call.headers.set("Accept", "application/json");
  call.max_body = payload_limit;
  call.endpoint = "request_job";
  const auto answer = co_await impl_->transport().send(std::move(call));
  auto result = job_request_result(answer);
  if (answer.status != 201 || result.job) impl_->note_update(answer);
  co_return result;
}

asio::awaitable<PatchResult> Client::patch_trace(std::int64_t job, util::Secret job_token,
                                                 std::uint64_t offset, std::string content,
                                                 bool debug_trace) {
  const auto end = offset + content.size();
  if (content.empty()) {
    PatchResult nothing;
    nothing.kind = PatchResult::Kind::accepted;
    nothing.offset = offset;
    co_return nothing;
  }
  Call call{"PATCH", fmt::format("jobs/{}/trace?debug_trace={}", job, debug_trace)};
  call.body = std::move(content);
  call.endpoint = "patch_trace";
  call.headers.set("JOB-TOKEN", job_token.reveal());
  call.headers.set("Content-Type", "text/plain");
  call.headers.set("Content-Range", fmt::format("{}-{}", offset, end - 1));
  call.header_timeout = options().report_timeout;
  call.secrets.push_back(job_token.reveal());
  const auto answer = co_await impl_->transport().send(std::move(call));
  co_return patch_result(answer, offset, end);
}

asio::awaitable<UpdateResult> Client::update_job(std::int64_t job, util::Secret job_token,
                                                 JobUpdate update) {
  nlohmann::json output = nlohmann::json::object();
  if (!update.checksum.empty()) output["checksum"] = update.checksum;
  if (update.bytesize != 0) output["bytesize"] = update.bytesize;
  nlohmann::json body{{"info", impl_->info()},
                      {"token", job_token.reveal()},
                      {"state", update.state},
                      {"output", std::move(output)}};
  if (update.state == "failed" && !update.failure_reason.empty())
    body["failure_reason"] = update.failure_reason;
  if (!update.checksum.empty()) body["checksum"] = update.checksum;
  if (update.exit_code != 0) body["exit_code"] = update.exit_code;
  auto call = json_call("PUT", fmt::format("jobs/{}", job), body);
  call.header_timeout = options().report_timeout;
  call.endpoint = "update_job";
  call.headers.set("JOB-TOKEN", job_token.reveal());
  call.secrets.push_back(job_token.reveal());
  const auto answer = co_await impl_->transport().send(std::move(call));
  impl_->note_update(answer);
  co_return update_result(answer);
}

}  // namespace slipway::gitlab_api
