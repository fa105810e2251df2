#include "helper/artifacts/download.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <system_error>

#include "gitlab_api/artifacts.hpp"
#include "helper/agent/fd.hpp"
#include "helper/archive/archive_error.hpp"
#include "helper/archive/extract.hpp"
#include "helper/artifacts/coordinator.hpp"
#include "helper/log.hpp"
#include "util/run.hpp"

namespace slipway::helper {

namespace {

using gitlab_api::ArtifactsResult;
using Kind = ArtifactsResult::Kind;

std::filesystem::path staging_dir(const DownloadRequest& request) {
  if (!request.staging_dir.empty()) return request.staging_dir;
  const char* configured = std::getenv("TMPDIR");
  return configured != nullptr && *configured != '\0' ? configured : "/tmp";
}

[[noreturn]] void fail(const std::string& what) {
  throw std::system_error{errno, std::generic_category(), what};
}

/// Open for both, and without a name from the first moment, where the file system can do that.
Fd nameless_file(const std::filesystem::path& directory) {
  Fd file{::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)};
  if (file) return file;
  auto name = (directory / "slipway-artifacts-XXXXXX").string();
  Fd named{::mkostemp(name.data(), O_CLOEXEC)};
  if (!named) fail("cannot make a temporary file in " + directory.string());
  ::unlink(name.c_str());
  return named;
}

/// The archive as it arrives.
class StagedFile final : public gitlab_api::BodySink {
 public:
  explicit StagedFile(const std::filesystem::path& directory) : file_{nameless_file(directory)} {}

  void begin() override {
    if (::ftruncate(file_.get(), 0) != 0 || ::lseek(file_.get(), 0, SEEK_SET) != 0)
      fail("temporary file");
  }
  asio::awaitable<void> write(std::string_view bytes) override {
    while (!bytes.empty()) {
      const auto written = ::write(file_.get(), bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) fail("cannot store the artifacts");
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    co_return;
  }
  int fd() const { return file_.get(); }

 private:
  Fd file_;
};

struct Look {
  LogLevel level;
  std::string outcome;  ///< at the end of the line
  const char* reason;   ///< of the failure; nullptr = there is none
};

Look look_of(const ArtifactsResult& result) {
  switch (result.kind) {
    case Kind::succeeded:
      return {LogLevel::info, "ok", nullptr};
    case Kind::not_found:
      return {LogLevel::error, "not found", "file does not exist"};
    case Kind::forbidden:
      return {LogLevel::error, result.http_status == 401 ? "unauthorized" : "forbidden",
              "permission denied"};
    default:
      return {LogLevel::warning, status_of(result), "the coordinator did not give the artifacts"};
  }
}

void report(const DownloadRequest& request, const ArtifactsResult& result) {
  const auto look = look_of(result);
  log(look.level, fmt::format("Downloading artifacts from coordinator... {}", look.outcome),
      fields_of(request.source.job, request.source.token, result));
}

asio::awaitable<void> fetch(const DownloadRequest& request, StagedFile& file,
                            ArtifactsResult& result) {
  gitlab_api::Artifacts artifacts{
      co_await asio::this_coro::executor, request.coordinator, [&](const ArtifactsResult& failed) {
        report(request, failed);
        log(LogLevel::warning, "Retrying...",
            {{"context", "artifacts-downloader"}, {"error", look_of(failed).reason}});
      }};
  gitlab_api::ArtifactsDownload download;
  download.job = request.source.job;
  download.job_token = util::Secret{request.source.token};
  download.direct = request.direct;
  result = co_await artifacts.download(std::move(download), file);
}

int extract(const DownloadRequest& request, int archive) {
  try {
    const archive::Root project{request.project};
    archive::extract_archive(archive, project);
    return 0;
  } catch (const archive::ArchiveError& error) {
    log(LogLevel::fatal, error.what());
  } catch (const std::system_error& error) {
    log(LogLevel::fatal, error.what());
  }
  return 1;
}

}  // namespace

int download_artifact(const DownloadRequest& request) {
  if (request.coordinator.url.empty() || request.source.token.empty()) {
    log(LogLevel::fatal, "Missing runner credentials");
    return 1;
  }
  if (request.source.job <= 0) {
    log(LogLevel::fatal, "Missing build ID");
    return 1;
  }
  ArtifactsResult result;
  try {
    StagedFile file{staging_dir(request)};
    util::run_to_end(fetch(request, file, result));
    report(request, result);
    if (result.kind == Kind::succeeded) return extract(request, file.fd());
  } catch (const std::system_error& error) {
    log(LogLevel::fatal, error.what());
    return 1;
  }
  log(LogLevel::fatal, look_of(result).reason);
  return is_away(result) ? job::coordinator_away_exit_code : 1;
}

}  // namespace slipway::helper
