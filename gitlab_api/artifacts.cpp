#include "gitlab_api/artifacts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <random>
#include <utility>

namespace slipway::gitlab_api {

namespace {

using Kind = ArtifactsResult::Kind;
using namespace std::chrono_literals;

constexpr int usual_tries = 3;
constexpr int upload_tries_when_unavailable = 6;
constexpr std::chrono::seconds longest_upload_pause = 5s;
constexpr std::chrono::seconds download_pause = 1s;

/// 1, 2, 4, 5, 5 s before the second try and so on.
std::chrono::seconds upload_pause(int tries) {
  return std::min(std::chrono::seconds{1 << std::min(tries - 1, 10)}, longest_upload_pause);
}

std::string random_boundary() {
  std::random_device random;
  return fmt::format("slipway-{:08x}{:08x}{:08x}{:08x}", random(), random(), random(), random());
}

/// In a quoted header parameter, as browsers write it.
std::string quoted(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '"')
      result += "%22";
    else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      result += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    else
      result += c;
  }
  return result;
}

/// A form with one file in it. The file's source must outlive it.
class FileForm final : public net::BodySource {
 public:
  FileForm(net::BodySource& file, std::string_view file_name)
      : file_{file},
        head_{fmt::format("--{}\r\nContent-Disposition: form-data; name=\"file\"; "
                          "filename=\"{}\"\r\nContent-Type: application/octet-stream\r\n\r\n",
                          boundary_, quoted(file_name))},
        tail_{fmt::format("\r\n--{}--\r\n", boundary_)} {}

  std::string media_type() const { return "multipart/form-data; boundary=" + boundary_; }

  std::optional<std::uint64_t> size() const override {
    const auto size = file_.size();
    if (!size) return std::nullopt;
    return head_.size() + *size + tail_.size();
  }
  asio::awaitable<std::size_t> read(std::span<char> buffer) override {
    if (part_ == Part::file) {
      const auto got = co_await file_.read(buffer);
      if (got > 0) co_return got;
      part_ = Part::tail;
      sent_ = 0;
    }
    const auto& text = part_ == Part::head ? head_ : tail_;
    const auto count = std::min(buffer.size(), text.size() - sent_);
    std::copy_n(text.data() + sent_, count, buffer.data());
    sent_ += count;
    if (part_ == Part::head && sent_ == text.size()) part_ = Part::file;
    co_return count;
  }
  void rewind() override {
    file_.rewind();
    part_ = Part::head;
    sent_ = 0;
  }

 private:
  enum class Part { head, file, tail };

  net::BodySource& file_;
  std::string boundary_ = random_boundary();
  std::string head_;
  std::string tail_;
  Part part_ = Part::head;
  std::size_t sent_ = 0;
};

Kind kind_of_upload(const Answer& answer) {
  switch (answer.status) {
    case 201:
      return Kind::succeeded;
    case 403:
      return Kind::forbidden;
    case 413:
      return Kind::too_large;
    case 503:
      return Kind::unavailable;
    default:
      return Kind::failed;
  }
}

Kind kind_of_download(const Answer& answer) {
  switch (answer.status) {
    case 200:
      return answer.cut ? Kind::failed : Kind::succeeded;
    case 401:
    case 403:
      return Kind::forbidden;
    case 404:
      return Kind::not_found;
    default:
      return Kind::failed;
  }
}

bool is_final(const ArtifactsResult& result) {
  return result.kind != Kind::failed && result.kind != Kind::unavailable;
}

std::string upload_path(const ArtifactsUpload& upload) {
  auto path = fmt::format("jobs/{}/artifacts", upload.job);
  char separator = '?';
  const auto add = [&](const char* name, const std::string& value) {
    if (value.empty()) return;
    path += fmt::format("{}{}={}", separator, name, net::percent_encode(value));
    separator = '&';
  };
  add("artifact_format", upload.format);
  add("artifact_type", upload.type);
  add("expire_in", upload.expire_in);
  return path;
}

}  // namespace

Artifacts::Artifacts(asio::any_io_executor executor, ClientOptions options,
                     std::function<void(const ArtifactsResult&)> retrying)
    : options_{std::move(options)},
      transport_{std::move(executor), options_},
      retrying_{std::move(retrying)} {}

void Artifacts::note_retry(const ArtifactsResult& result) const {
  if (retrying_) retrying_(result);
}

asio::awaitable<ArtifactsResult> Artifacts::upload(ArtifactsUpload upload,
                                                   net::BodySource& content) {
  for (int tries = 1;; ++tries) {
    auto result = co_await upload_once(upload, content);
    result.tries = tries;
    const auto most =
        result.kind == Kind::unavailable ? upload_tries_when_unavailable : usual_tries;
    if (is_final(result) || tries >= most) co_return result;
    note_retry(result);
    auto pause = options_.clock.sleep(upload_pause(tries));
    co_await std::move(pause);
  }
}

asio::awaitable<ArtifactsResult> Artifacts::upload_once(const ArtifactsUpload& upload,
                                                        net::BodySource& content) {
  FileForm form{content, upload.file_name};
  Call call;
  call.method = "POST";
  call.path = upload_path(upload);
  call.headers.set("Content-Type", form.media_type());
  call.headers.set("JOB-TOKEN", upload.job_token.reveal());
  call.secrets.push_back(upload.job_token.reveal());
  call.header_timeout = upload.response_header_timeout;
  call.exchange_limit = upload.timeout;
  call.source = &form;
  const auto answer = co_await transport_.send(std::move(call));
  ArtifactsResult result;
  result.kind = kind_of_upload(answer);
  result.http_status = answer.status;
  result.text = answer.text;
  result.correlation_id = answer.correlation_id;
  co_return result;
}

asio::awaitable<ArtifactsResult> Artifacts::download(ArtifactsDownload download, BodySink& sink) {
  for (int tries = 1;; ++tries) {
    const bool direct = download.direct && tries == 1;
    auto result = co_await download_once(download, direct, sink);
    result.tries = tries;
    if (is_final(result) || tries >= usual_tries) co_return result;
    note_retry(result);
    auto pause = options_.clock.sleep(download_pause);
    co_await std::move(pause);
  }
}

asio::awaitable<ArtifactsResult> Artifacts::download_once(const ArtifactsDownload& download,
                                                          bool direct, BodySink& sink) {
  Call call;
  call.method = "GET";
  call.path =
      fmt::format("jobs/{}/artifacts{}", download.job, direct ? "?direct_download=true" : "");
  call.headers.set("JOB-TOKEN", download.job_token.reveal());
  call.secrets.push_back(download.job_token.reveal());
  call.sink = &sink;
  const auto answer = co_await transport_.send(std::move(call));
  ArtifactsResult result;
  result.kind = kind_of_download(answer);
  result.http_status = answer.status;
  result.text =
      answer.status == 200 && answer.cut ? answer.text + ": the file broke off" : answer.text;
  result.correlation_id = answer.correlation_id;
  co_return result;
}

std::string artifacts_file_name(std::string_view name, std::string_view format) {
  std::string base{name.substr(name.rfind('/') + 1)};
  if (name.empty())
    base = "artifacts";
  else if (base.empty() || base == ".")
    base = "default";
  if (format.empty() || format == "zip" || format == "zipzstd") return base + ".zip";
  if (format == "gzip") return base + ".gz";
  if (format == "tarzstd") return base + ".tar.zst";
  return base;
}

}  // namespace slipway::gitlab_api
