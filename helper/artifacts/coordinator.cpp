#include "helper/artifacts/coordinator.hpp"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "job/job.hpp"

namespace slipway::helper {

namespace {

Fd in_memory(const std::string& content) {
  if (content.empty()) return {};
  Fd file{::memfd_create("tls", MFD_CLOEXEC)};
  if (!file) throw std::system_error{errno, std::generic_category(), "memfd_create"};
  std::string_view rest{content};
  while (!rest.empty()) {
    const auto written = ::write(file.get(), rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw std::system_error{errno, std::generic_category(), "memfd"};
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
  return file;
}

std::string path_of(const Fd& file) {
  return file ? fmt::format("/proc/self/fd/{}", file.get()) : "";
}

}  // namespace

CoordinatorFiles::CoordinatorFiles(const job::CoordinatorAccess& access)
    : url_{access.url},
      ca_{in_memory(access.ca)},
      certificate_{in_memory(access.certificate)},
      key_{in_memory(access.key)} {}

gitlab_api::ClientOptions CoordinatorFiles::options() const {
  gitlab_api::ClientOptions options;
  options.url = url_;
  options.ca_file = path_of(ca_);
  options.certificate_file = path_of(certificate_);
  options.key_file = path_of(key_);
  options.info.version = SLIPWAY_VERSION;
  return options;
}

bool is_away(const gitlab_api::ArtifactsResult& result) {
  using Kind = gitlab_api::ArtifactsResult::Kind;
  if (result.kind != Kind::failed && result.kind != Kind::unavailable) return false;
  return result.http_status == 0 || (result.http_status >= 502 && result.http_status <= 504);
}

std::string status_of(const gitlab_api::ArtifactsResult& result) {
  // `METHOD URL: ` precedes it.
  const auto colon = result.text.find(": ");
  return colon == std::string::npos ? result.text : result.text.substr(colon + 2);
}

LogFields fields_of(std::int64_t job, const std::string& token,
                    const gitlab_api::ArtifactsResult& result) {
  LogFields fields{{"id", std::to_string(job)}, {"token", job::short_token(token)}};
  if (!result.correlation_id.empty()) fields["correlation_id"] = result.correlation_id;
  if (result.http_status != 0) fields["status"] = std::to_string(result.http_status);
  return fields;
}

}  // namespace slipway::helper
