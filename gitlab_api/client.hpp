#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "gitlab_api/retry.hpp"
#include "job/job.hpp"
#include "net/proxy.hpp"
#include "util/asio_fwd.hpp"
#include "util/secret.hpp"

namespace slipway::gitlab_api {

/// `info` of every call: what this runner is and promises. GitLab API: `info`.
struct RunnerInfo {
  std::string name = "slipway";
  std::string version;
  std::string revision;
  std::string platform = "linux";
  std::string architecture = "amd64";  ///< Go's names
  std::string executor;                ///< "" = register: only network features are true
  std::string shell;
  std::string gpus;
  std::map<std::string, std::string> labels;  ///< checked by the configuration
};

/// One call that ended, for figures.
struct CallRecord {
  std::string_view endpoint;  ///< request_job, update_job, patch_trace or reset_token
  std::string_view method;
  int status = 0;  ///< 0 = no HTTP answer
  int attempts = 0;
  std::chrono::duration<double> took{0};
};

/// Where and as whom to call. One per (url, token, TLS files).
struct ClientOptions {
  std::string url;
  util::Secret token;
  std::string system_id;
  std::string ca_file;
  std::string certificate_file;
  std::string key_file;
  RunnerInfo info;
  /// Request sent → response headers there. Longer than any long poll.
  std::chrono::milliseconds response_header_timeout{std::chrono::minutes{10}};
  /// The same for PATCH and PUT of a job, which nobody holds: past this the coordinator hangs, and
  /// the call is worth repeating.
  std::chrono::milliseconds report_timeout{std::chrono::minutes{1}};
  /// Connections at rest are closed before a request when that was not done for so long; 0 or less
  /// = never.
  std::chrono::milliseconds connection_max_age{std::chrono::minutes{15}};
  net::ProxySettings proxies = net::ProxySettings::of_process();
  RetryClock clock = RetryClock::system();
  /// Told of every call of these endpoints that was not cancelled; may be empty.
  std::function<void(const CallRecord&)> on_call{};
};

/// How a runner-level call ended.
enum class Status { ok, forbidden, failed, client_error, unavailable };

/// A failed call's log text: `POST http://host/api/v4/runners: 403 Forbidden (message)`; never a
/// token.
struct CallResult {
  Status status = Status::failed;
  int http_status = 0;  ///< 0 = no HTTP answer
  std::string text;
  std::string correlation_id;  ///< X-Request-Id of the answer, else of the request
  int attempts = 0;            ///< HTTP attempts made; more than 1 = the server was busy or faulty
};

struct RegisterParameters {
  util::Secret registration_token;
  std::string description;
  std::string maintenance_note;
  std::string tag_list;
  bool run_untagged = false;
  bool locked = true;
  std::string access_level;
  int maximum_timeout = 0;
  bool paused = false;
};

struct RegisterResult {
  CallResult call;
  std::int64_t id = 0;
  util::Secret token;
  std::string token_expires_at;  ///< RFC 3339, "" = never
};

struct JobRequestResult {
  enum class Kind { job, none, unusable, failed, forbidden, client_error };
  Kind kind = Kind::failed;
  std::optional<job::Job> job;
  std::string payload;  ///< Kind::job: what `job` was read from
  /// Kind::unusable: a 201 that cannot be parsed, but whose id and token could be read: report it
  /// as failed.
  job::PayloadError unusable;
  CallResult call;
  bool healthy() const { return kind != Kind::forbidden && kind != Kind::client_error; }
};

/// What a PATCH or PUT answer says of the job, beside its own result.
struct JobSignals {
  bool abort = false;             ///< Job-Status canceled or failed, 403 (and PUT 404)
  bool cancel_requested = false;  ///< Job-Status canceling
  std::optional<std::chrono::seconds>
      update_interval;  ///< X-GitLab-Trace-Update-Interval, clamped to 900 s
};

struct PatchResult {
  enum class Kind { accepted, not_found, range_mismatch, failed, aborted };
  Kind kind = Kind::failed;
  std::uint64_t offset = 0;  ///< next byte to send: accepted and range_mismatch
  JobSignals signals;
  std::string text;     ///< for the log when failed
  int http_status = 0;  ///< 0 = no HTTP answer
};

struct JobUpdate {
  std::string state;           ///< running, success, failed
  std::string failure_reason;  ///< already mapped; "" = none
  std::string checksum;        ///< crc32:…; "" = none
  std::uint64_t bytesize = 0;
  std::int32_t exit_code = 0;
};

struct UpdateResult {
  enum class Kind { succeeded, not_completed, validation_failed, aborted, failed };
  Kind kind = Kind::failed;
  JobSignals signals;
  std::string text;
  int http_status = 0;     ///< 0 = no HTTP answer
  std::string job_status;  ///< Job-Status as answered, at most 32 bytes; "" = none
};

/// Whether a failed call may succeed later without anybody's doing: no answer (0), 408, 429, 5xx.
bool is_passing(int http_status);

/// The coordinator of one runner. The HTTP retries of the protocol happen inside (5 attempts,
/// Retry-After …); what comes out is the documented meaning of the final answer. Only cancellation
/// throws (operation_aborted); transport failures are results. Must outlive its calls.
/// Single-threaded.
class Client {
 public:
  Client(asio::any_io_executor executor, ClientOptions options);
  ~Client();

  asio::awaitable<RegisterResult> register_runner(
      RegisterParameters parameters);               ///< GitLab API: POST /runners
  asio::awaitable<RegisterResult> verify_runner();  ///< GitLab API: POST /runners/verify
  asio::awaitable<CallResult>
  unregister_runner();  ///< GitLab API: DELETE /runners or /runners/managers
  /// A new token in place of the one that this client calls with, which is void from then on; use
  /// it with use_token(). GitLab API: POST /runners/reset_authentication_token
  asio::awaitable<RegisterResult> reset_token();
  /// The same on behalf of a user. GitLab API: POST /runners/:id/reset_authentication_token
  asio::awaitable<RegisterResult> reset_token(std::int64_t runner, util::Secret personal_token);
  /// The runner's token of calls that begin from here on.
  void use_token(util::Secret token);
  asio::awaitable<JobRequestResult>
  request_job();  ///< GitLab API: POST /jobs/request; may be held for a minute
  /// GitLab API: PATCH /jobs/:id/trace. `content` (1 byte to 1 MiB) begins at `offset` of the log.
  asio::awaitable<PatchResult> patch_trace(std::int64_t job, util::Secret job_token,
                                           std::uint64_t offset, std::string content,
                                           bool debug_trace);
  /// GitLab API: PUT /jobs/:id.
  asio::awaitable<UpdateResult> update_job(std::int64_t job, util::Secret job_token,
                                           JobUpdate update);

  const ClientOptions& options() const;
  /// For CI_SERVER_TLS_CA_FILE: content of the CA file, else the certificates by which the server
  /// was believed last, from its own to the root (FF_RESOLVE_FULL_TLS_CHAIN has nothing to add); ""
  /// without TLS.
  std::string ca_content() const;
  /// For CI_SERVER_TLS_CERT_FILE and CI_SERVER_TLS_KEY_FILE: both or neither.
  const std::string& certificate_content() const;
  const std::string& key_content() const;
  void close_idle();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// `https://git.example.org/sub/ci///` → `https://git.example.org/sub/api/v4/`; nullopt for another
/// scheme or no host.
std::optional<std::string> api_base(std::string_view url);

/// The system id: read from `.runner_system_id` in `config_dir`, else made and saved there (0600).
/// \throws std::runtime_error when the file exists and cannot be read; a failed save is only
/// logged.
std::string load_system_id(const std::string& config_dir);

}  // namespace slipway::gitlab_api
