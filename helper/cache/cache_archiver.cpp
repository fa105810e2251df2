#include "helper/cache/cache_archiver.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <stdexcept>
#include <system_error>

#include "gitlab_api/url.hpp"
#include "helper/archive/beneath.hpp"
#include "helper/archive/tar_writer.hpp"
#include "helper/archive/zip_writer.hpp"
#include "helper/cache/upload.hpp"
#include "helper/log.hpp"
#include "util/run.hpp"

namespace slipway::helper::cache {

namespace {

namespace fs = std::filesystem;

class Failure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return text;
}

bool is_later(const timespec& a, const timespec& b) {
  return a.tv_sec != b.tv_sec ? a.tv_sec > b.tv_sec : a.tv_nsec > b.tv_nsec;
}

// Whether the archive `fd` has what the files hold. That one of them has gone is not seen.
bool is_current(int fd, const archive::Root& project, const archive::PathList& files) {
  const auto made = status_of(fd).st_mtim;
  for (const auto path : files) {
    const auto file = project.open(path, O_PATH | O_NOFOLLOW);
    if (file && is_later(status_of(file.get()).st_mtim, made)) return false;
  }
  return true;
}

void adopt_alternate(const fs::path& file, const fs::path& alternate) {
  if (alternate.empty() || alternate == file || open_archive(file) || !open_archive(alternate))
    return;
  make_directories(file.parent_path());
  // Another job may have been quicker.
  if (::rename(alternate.c_str(), file.c_str()) != 0) return;
  log(LogLevel::info, "Renamed alternate cache file to primary");
}

void write_archive(const ArchiveRequest& request, const archive::Root& project,
                   const archive::PathList& files, int fd) {
  archive::PackOptions options;
  options.level = level_called(request.level);
  options.warn = [](const std::string& text) { log(LogLevel::warning, text); };
  const archive::Sink sink = [fd](std::string_view bytes) {
    while (!bytes.empty()) {
      const auto wrote = ::write(fd, bytes.data(), bytes.size());
      if (wrote < 0 && errno == EINTR) continue;
      if (wrote < 0)
        throw std::system_error{errno, std::generic_category(), "cannot store the cache"};
      bytes.remove_prefix(static_cast<std::size_t>(wrote));
    }
  };
  const auto format = lower(request.format);
  if (format == "zipzstd") options.zip_packing = archive::ZipPacking::zstd;
  if (format == "tarzstd")
    archive::write_tar_zstd(project, files, options, sink);
  else
    archive::write_zip(project, files, options, sink);
}

// What changes while it is being archived is younger than the archive and so archived the next
// time.
void make_archive(const ArchiveRequest& request, const fs::path& file, const archive::Root& project,
                  const archive::PathList& files) {
  timespec begun{};
  ::clock_gettime(CLOCK_REALTIME, &begun);
  NewArchive archive{file};
  write_archive(request, project, files, archive.fd());
  archive.publish(begun, request.metadata);
}

asio::awaitable<void> ask(const ArchiveRequest& request, bool& there) {
  ObjectClient client{co_await asio::this_coro::executor, request.timeout};
  there = co_await exists(client, request.check_url);
}

asio::awaitable<void> send(const ArchiveRequest& request, int fd, std::string& problem) {
  ObjectClient client{co_await asio::this_coro::executor, request.timeout};
  try {
    co_await upload(client, request.url, request.headers, fd, request.retries);
  } catch (const ObjectError& error) {
    problem = error.what();
  }
}

int send_archive(const ArchiveRequest& request, const fs::path& file) {
  if (request.url.empty()) {
    log(LogLevel::info,
        "No URL provided, cache will not be uploaded to shared cache server. Cache will be stored "
        "only locally.");
    return 0;
  }
  const auto archive = open_archive(file);
  if (!archive) throw Failure{fmt::format("{} is gone", file.filename().string())};
  const auto size = static_cast<std::uint64_t>(status_of(archive.get()).st_size);
  if (request.max_size != 0 && size > request.max_size) {
    log(LogLevel::info, fmt::format("Cache archive size ({}) is too big (Limit is set to {}). "
                                    "Cache will be stored only locally.",
                                    size, request.max_size));
    return 0;
  }
  log(LogLevel::info, "Using presigned URL for cache upload");
  log(LogLevel::info, fmt::format("Uploading {} to {}", file.filename().string(),
                                  gitlab_api::display_url(request.url)));
  std::string problem;
  util::run_to_end(send(request, archive.get(), problem));
  if (!problem.empty()) throw Failure{problem};
  return 0;
}

int save(const ArchiveRequest& request) {
  const auto& directory = request.choice.project;
  const auto file = directory / request.file;
  const auto alternate =
      request.alternate_file.empty() ? fs::path{} : directory / request.alternate_file;
  adopt_alternate(file, alternate);
  const auto files = choose_files(request.choice, request.lookup);
  if (files.empty()) {
    log(LogLevel::warning, "No files to cache.");
    return 0;
  }
  const archive::Root project{directory};
  if (const auto present = open_archive(file);
      present && is_current(present.get(), project, files)) {
    if (alternate == file) {
      log(LogLevel::info, "Archive is up to date!");
      return 0;
    }
    bool there = false;
    util::run_to_end(ask(request, there));
    if (there) {
      log(LogLevel::info, "Primary cache already exists remotely, skipping upload");
      return 0;
    }
    log(LogLevel::info, "Primary cache does not exist remotely, uploading existing archive");
  } else {
    make_archive(request, file, project, files);
  }
  return send_archive(request, file);
}

}  // namespace

int archive_cache(const ArchiveRequest& request) {
  if (request.file.empty()) {
    log(LogLevel::fatal, "Missing --file");
    return 1;
  }
  try {
    return save(request);
  } catch (const std::exception& error) {
    log(LogLevel::fatal, error.what());
  }
  return 1;
}

}  // namespace slipway::helper::cache
