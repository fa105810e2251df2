#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "gitlab_api/client.hpp"
#include "gitlab_api/transport.hpp"
#include "net/client.hpp"
#include "util/asio_fwd.hpp"
#include "util/secret.hpp"

namespace slipway::gitlab_api {

/// What is uploaded, beside its bytes.
struct ArtifactsUpload {
  std::int64_t job = 0;
  util::Secret job_token;
  std::string file_name;                                      ///< as artifacts_file_name() gives it
  std::string format;                                         ///< zip, gzip, raw …; "" = not sent
  std::string type;                                           ///< archive, junit …; "" = not sent
  std::string expire_in;                                      ///< "" = not sent
  std::chrono::milliseconds timeout = std::chrono::hours{1};  ///< of one HTTP request
  std::chrono::milliseconds response_header_timeout = std::chrono::minutes{10};
};

struct ArtifactsDownload {
  std::int64_t job = 0;    ///< whose artifacts
  util::Secret job_token;  ///< that job's, not the downloading one's
  bool direct = true;      ///< the first try asks for the object storage's address
};

/// How an upload or a download ended.
struct ArtifactsResult {
  enum class Kind { succeeded, forbidden, too_large, not_found, unavailable, failed };
  Kind kind = Kind::failed;
  int http_status = 0;  ///< 0 = no HTTP answer
  std::string text;     ///< `POST http://host/…: 403 Forbidden (message)`, never a token
  std::string correlation_id;
  int tries = 0;
};

/// The artifacts of jobs at a coordinator, as the helper beside a job calls it: the options' token
/// may be empty, the job's own is sent. Repeats what may pass (on top of the HTTP retries of every
/// call). Throws cancellation (operation_aborted) and what a source or sink throws. Must outlive
/// its calls. Single-threaded.
class Artifacts {
 public:
  /// `retrying` is told of every try that failed and will be repeated.
  Artifacts(asio::any_io_executor executor, ClientOptions options,
            std::function<void(const ArtifactsResult&)> retrying = nullptr);

  /// Sends `content` as the one part of a form; it is rewound for every request, so every try
  /// carries all of it. GitLab API: POST /jobs/:id/artifacts.
  asio::awaitable<ArtifactsResult> upload(ArtifactsUpload upload, net::BodySource& content);

  /// Writes the file to `sink`, from wherever redirects lead. GitLab API: GET /jobs/:id/artifacts.
  asio::awaitable<ArtifactsResult> download(ArtifactsDownload download, BodySink& sink);

 private:
  asio::awaitable<ArtifactsResult> upload_once(const ArtifactsUpload& upload,
                                               net::BodySource& content);
  asio::awaitable<ArtifactsResult> download_once(const ArtifactsDownload& download, bool direct,
                                                 BodySink& sink);
  void note_retry(const ArtifactsResult& result) const;

  ClientOptions options_;
  Transport transport_;
  std::function<void(const ArtifactsResult&)> retrying_;
};

/// The last component of `name` (expanded) with the format's suffix; `artifacts` when there is no
/// name, `default` for a name without one.
std::string artifacts_file_name(std::string_view name, std::string_view format);

}  // namespace slipway::gitlab_api
