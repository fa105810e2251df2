#include "helper/artifacts/upload.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "gitlab_api/artifacts.hpp"
#include "helper/archive/archive_error.hpp"
#include "helper/archive/single_file.hpp"
#include "helper/archive/tar_writer.hpp"
#include "helper/archive/zip_writer.hpp"
#include "helper/artifacts/archive_stream.hpp"
#include "helper/artifacts/coordinator.hpp"
#include "helper/artifacts/provenance.hpp"
#include "helper/expansion.hpp"
#include "helper/file_choice.hpp"
#include "helper/log.hpp"
#include "helper/sources/files.hpp"
#include "util/run.hpp"

namespace slipway::helper {

namespace {

using archive::CompressionLevel;
using gitlab_api::ArtifactsResult;
using Kind = ArtifactsResult::Kind;

/// What the archive is made of.
struct Content {
  archive::PathList files;
  std::string format;
  CompressionLevel level;
};

std::string expanded_name(const std::string& name, const Lookup& lookup) {
  auto words = expand_words(name, lookup);
  if (!words.problem.empty())
    log(LogLevel::warning, fmt::format("invalid artifact name: {}", words.problem));
  // A name that was there and came to nothing is not the same as none.
  return words.text.empty() && !name.empty() ? "." : std::move(words.text);
}

void write_archive(const archive::Root& project, const Content& content, bool first_try,
                   const archive::Sink& sink) {
  archive::PackOptions options;
  options.level = content.level;
  if (content.format == "zipzstd") options.zip_packing = archive::ZipPacking::zstd;
  // What is left out was said in the first try.
  if (first_try) options.warn = [](const std::string& text) { log(LogLevel::warning, text); };
  if (content.format == "raw")
    archive::write_raw(project, content.files, sink);
  else if (content.format == "gzip")
    archive::write_gzip(project, content.files, options, sink);
  else if (content.format == "tarzstd")
    archive::write_tar_zstd(project, content.files, options, sink);
  else
    archive::write_zip(project, content.files, options, sink);
}

/// A statement of where the files come from becomes one of them.
void add_provenance(const UploadRequest& request, const std::string& name,
                    archive::PathList& files) {
  const archive::Root project{request.project};
  const auto file = provenance_file_name(name);
  const ProvenanceOf job{request.job, request.coordinator.url, *request.artifact.provenance};
  write_shared_file(request.project / file, provenance_statement(job, project, files));
  files.add(file);
  files.sort_unique();
}

/// An empty one means zip.
bool is_known_format(const std::string& format) {
  constexpr std::array known{"", "zip", "zipzstd", "tarzstd", "gzip", "raw"};
  return std::find(known.begin(), known.end(), format) != known.end();
}

std::string title_of(const std::string& type) {
  return type.empty() ? "Uploading artifacts to coordinator..."
                      : fmt::format("Uploading artifacts as \"{}\" to coordinator...", type);
}

const char* reason_of(Kind kind) {
  switch (kind) {
    case Kind::forbidden:
      return "permission denied";
    case Kind::too_large:
      return "too large";
    case Kind::unavailable:
      return "service unavailable";
    default:
      return "the coordinator did not take the artifacts";
  }
}

/// The line of one try.
void report(const UploadRequest& request, const ArtifactsResult& result) {
  const auto level = result.kind == Kind::succeeded ? LogLevel::info
                     : result.kind == Kind::failed  ? LogLevel::warning
                                                    : LogLevel::error;
  log(level, fmt::format("{} {}", title_of(request.artifact.type), status_of(result)),
      fields_of(request.job, request.token, result));
}

asio::awaitable<void> send(const UploadRequest& request, const Content& content,
                           gitlab_api::ArtifactsUpload upload, ArtifactsResult& result) {
  const archive::Root project{request.project};
  bool first_try = true;
  const auto executor = co_await asio::this_coro::executor;
  ArchiveStream stream{executor, [&](const archive::Sink& sink) {
                         write_archive(project, content, std::exchange(first_try, false), sink);
                       }};
  gitlab_api::Artifacts artifacts{
      executor, request.coordinator, [&](const ArtifactsResult& failed) {
        report(request, failed);
        log(LogLevel::warning, "Retrying...",
            {{"context", "artifacts-uploader"}, {"error", reason_of(failed.kind)}});
      }};
  result = co_await artifacts.upload(std::move(upload), stream);
}

int judge(const UploadRequest& request, const ArtifactsResult& result) {
  report(request, result);
  if (result.kind == Kind::succeeded) return 0;
  log(LogLevel::fatal, reason_of(result.kind));
  return is_away(result) ? job::coordinator_away_exit_code : 1;
}

}  // namespace

Lookup environment_lookup() {
  return [](std::string_view name) -> std::optional<std::string> {
    const char* value = std::getenv(std::string{name}.c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>{value};
  };
}

int upload_artifact(const UploadRequest& request) {
  const auto& artifact = request.artifact;
  if (request.coordinator.url.empty() || request.token.empty()) {
    log(LogLevel::fatal, "Missing runner credentials");
    return 1;
  }
  if (request.job <= 0) {
    log(LogLevel::fatal, "Missing build ID");
    return 1;
  }
  if (!is_known_format(artifact.format)) {
    log(LogLevel::fatal, fmt::format("unsupported archive format: \"{}\"", artifact.format));
    return 1;
  }
  gitlab_api::ArtifactsUpload upload;
  const auto name = expanded_name(artifact.name, request.lookup);
  upload.file_name = gitlab_api::artifacts_file_name(name, artifact.format);
  const FileChoice choice{request.project, artifact.paths, artifact.exclude, artifact.untracked};
  Content content{choose_files(choice, request.lookup), artifact.format,
                  level_called(request.level)};
  if (content.files.empty()) {
    log(LogLevel::error, "No files to upload");
    return 0;
  }
  if (artifact.provenance && artifact.format == "zip") add_provenance(request, name, content.files);
  upload.job = request.job;
  upload.job_token = util::Secret{request.token};
  upload.format = artifact.format;
  upload.type = artifact.type;
  upload.expire_in = artifact.expire_in;
  upload.timeout = request.timeout;
  upload.response_header_timeout = request.response_header_timeout;
  ArtifactsResult result;
  try {
    util::run_to_end(send(request, content, std::move(upload), result));
  } catch (const archive::ArchiveError& error) {
    log(LogLevel::fatal, error.what());
    return 1;
  } catch (const std::system_error& error) {
    log(LogLevel::fatal, error.what());
    return 1;
  }
  return judge(request, result);
}

}  // namespace slipway::helper
