#include <array>
#include <charconv>
#include <filesystem>

#include "helper/artifacts/download.hpp"
#include "helper/artifacts/upload.hpp"
#include "helper/commands/command_line.hpp"
#include "helper/commands/commands.hpp"
#include "helper/log.hpp"

namespace slipway::helper {

namespace {

using Kind = Option::Kind;

constexpr std::array uploader_options{
    Option{"url", Kind::value, "CI_SERVER_URL"},
    Option{"token", Kind::value, "CI_JOB_TOKEN"},
    Option{"id", Kind::value, "CI_JOB_ID"},
    Option{"tls-ca-file", Kind::value, "CI_SERVER_TLS_CA_FILE"},
    Option{"tls-cert-file", Kind::value, "CI_SERVER_TLS_CERT_FILE"},
    Option{"tls-key-file", Kind::value, "CI_SERVER_TLS_KEY_FILE"},
    Option{"path", Kind::list},
    Option{"exclude", Kind::list},
    Option{"untracked", Kind::flag},
    Option{"verbose", Kind::flag},
    Option{"name"},
    Option{"expire-in"},
    Option{"artifact-format"},
    Option{"artifact-type"},
    Option{"compression-level", Kind::value, "ARTIFACT_COMPRESSION_LEVEL"},
    Option{"timeout"},
    Option{"response-header-timeout"},
    Option{"ci-debug-trace", Kind::flag, "CI_DEBUG_TRACE"},
    Option{"transfer-meter-frequency", Kind::value, "TRANSFER_METER_FREQUENCY"},
    Option{"generate-artifacts-metadata", Kind::flag},
    Option{"runner-id"},
    Option{"repo-url"},
    Option{"repo-digest"},
    Option{"job-name"},
    Option{"executor-name"},
    Option{"runner-name"},
    Option{"started-at"},
    Option{"ended-at"},
    Option{"schema-version"},
    Option{"metadata-parameter", Kind::list},
};

constexpr std::array downloader_options{
    Option{"url", Kind::value, "CI_SERVER_URL"},
    Option{"token", Kind::value, "CI_JOB_TOKEN"},
    Option{"id", Kind::value, "CI_JOB_ID"},
    Option{"tls-ca-file", Kind::value, "CI_SERVER_TLS_CA_FILE"},
    Option{"tls-cert-file", Kind::value, "CI_SERVER_TLS_CERT_FILE"},
    Option{"tls-key-file", Kind::value, "CI_SERVER_TLS_KEY_FILE"},
    Option{"retry"},
    Option{"retry-time"},
    Option{"direct-download", Kind::flag, "FF_USE_DIRECT_DOWNLOAD"},
    Option{"archiver-staging-dir", Kind::value, "ARCHIVER_STAGING_DIR"},
    Option{"transfer-meter-frequency", Kind::value, "TRANSFER_METER_FREQUENCY"},
};

/// 0 for what is no id: the command then says that it is missing.
std::int64_t id_of(const CommandLine& line) {
  const auto text = line.text("id");
  std::int64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  return error == std::errc{} && end == text.data() + text.size() ? id : 0;
}

gitlab_api::ClientOptions coordinator_of(const CommandLine& line) {
  gitlab_api::ClientOptions options;
  options.url = line.text("url");
  options.ca_file = line.text("tls-ca-file");
  options.certificate_file = line.text("tls-cert-file");
  options.key_file = line.text("tls-key-file");
  options.info.version = SLIPWAY_VERSION;
  return options;
}

job::ArtifactProvenance provenance_of(const CommandLine& line) {
  return {line.text("runner-id"),         line.text("repo-url"),      line.text("repo-digest"),
          line.text("job-name"),          line.text("executor-name"), line.text("runner-name"),
          line.text("started-at"),        line.text("ended-at"),      line.text("schema-version"),
          line.list("metadata-parameter")};
}

/// Only stages are begun again for a coordinator that is away.
int documented(int code) {
  return code == job::coordinator_away_exit_code ? 1 : code;
}

}  // namespace

int artifacts_uploader_command(Words words) {
  const CommandLine line{uploader_options, words, environment_lookup()};
  UploadRequest request;
  request.coordinator = coordinator_of(line);
  request.job = id_of(line);
  request.token = line.text("token");
  request.project = std::filesystem::current_path();
  request.artifact.name = line.given("name") ? line.text("name") : "artifacts";
  request.artifact.untracked = line.flag("untracked");
  request.artifact.paths = line.list("path");
  request.artifact.exclude = line.list("exclude");
  request.artifact.type = line.text("artifact-type");
  request.artifact.format = line.text("artifact-format");
  request.artifact.expire_in = line.text("expire-in");
  if (line.flag("generate-artifacts-metadata")) request.artifact.provenance = provenance_of(line);
  request.timeout = line.duration("timeout", request.timeout);
  request.response_header_timeout =
      line.duration("response-header-timeout", request.response_header_timeout);
  request.level = line.text("compression-level");
  return documented(upload_artifact(request));
}

int artifacts_downloader_command(Words words) {
  const CommandLine line{downloader_options, words, environment_lookup()};
  DownloadRequest request;
  request.coordinator = coordinator_of(line);
  request.source.job = id_of(line);
  request.source.token = line.text("token");
  request.project = std::filesystem::current_path();
  request.direct = line.given("direct-download") && line.flag("direct-download");
  request.staging_dir = line.text("archiver-staging-dir");
  return documented(download_artifact(request));
}

}  // namespace slipway::helper
