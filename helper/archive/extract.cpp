#include "helper/archive/extract.hpp"

#include <unistd.h>

#include <cerrno>
#include <string_view>
#include <system_error>

#include "helper/archive/archive_error.hpp"
#include "helper/archive/tar_reader.hpp"
#include "helper/archive/zip_directory.hpp"
#include "helper/archive/zip_reader.hpp"
#include "helper/archive/zstd_frames.hpp"

namespace slipway::helper::archive {

namespace {

// What the first bytes say; gzip is an error.
bool is_tar_zstd(int fd) {
  constexpr std::string_view zstd_magic{"\x28\xB5\x2F\xFD"};
  constexpr std::string_view gzip_magic{"\x1F\x8B"};
  char bytes[4];
  ssize_t got = 0;
  do got = pread(fd, bytes, sizeof bytes, 0);
  while (got < 0 && errno == EINTR);
  if (got < 0) throw std::system_error{errno, std::generic_category(), "archive"};
  const std::string_view begin{bytes, static_cast<std::size_t>(got)};
  if (begin.starts_with(gzip_magic))
    throw ArchiveError{"\"gzip\" format: unsupported archive format"};
  return begin == zstd_magic;
}

}  // namespace

Extracted extract_archive(int fd, const Root& project, const ExtractOptions& options) {
  return is_tar_zstd(fd) ? extract_tar_zstd(fd, project, options)
                         : extract_zip(fd, project, options);
}

void check_archive(int fd, const ExtractLimits& limits) {
  if (is_tar_zstd(fd))
    check_zstd_frames(fd);
  else
    ZipDirectory{fd}.check(limits);
}

}  // namespace slipway::helper::archive
