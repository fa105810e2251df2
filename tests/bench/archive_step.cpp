#include "tests/bench/archive_step.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <iostream>
#include <string>
#include <string_view>
#include <system_error>

#include "helper/archive/extract.hpp"
#include "helper/archive/file_selection.hpp"
#include "helper/archive/tar_writer.hpp"
#include "helper/archive/zip_writer.hpp"

namespace slipway::bench {

namespace {

namespace archive = helper::archive;
using helper::Fd;

Fd open_file(const char* path, int flags) {
  Fd fd{::open(path, flags | O_CLOEXEC, 0600)};
  if (!fd) throw std::system_error{errno, std::generic_category(), path};
  return fd;
}

void pack(bool as_tar, const char* directory, const char* file) {
  archive::SelectionRequest request;
  request.paths = {"."};
  const auto selection = archive::select_files(directory, request);
  const auto out = open_file(file, O_WRONLY | O_CREAT | O_TRUNC);
  const archive::Sink sink = [&out](std::string_view bytes) {
    while (!bytes.empty()) {
      const auto wrote = ::write(out.get(), bytes.data(), bytes.size());
      if (wrote < 0) throw std::system_error{errno, std::generic_category(), "archive"};
      bytes.remove_prefix(static_cast<std::size_t>(wrote));
    }
  };
  const archive::Root project{directory};
  if (as_tar)
    archive::write_tar_zstd(project, selection.files, {}, sink);
  else
    archive::write_zip(project, selection.files, {}, sink);
}

void note_peak(const char* file) {
  std::ifstream status{"/proc/self/status"};
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) std::ofstream{file} << std::stoull(line.substr(6)) << '\n';
}

}  // namespace

int archive_step(int argc, char** argv) {
  if (argc != 6) return 2;
  const std::string_view what = argv[2];
  try {
    if (what == "unpack")
      archive::extract_archive(open_file(argv[4], O_RDONLY).get(), archive::Root{argv[3]});
    else
      pack(what == "pack-tar", argv[3], argv[4]);
    note_peak(argv[5]);
    return 0;
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}

}  // namespace slipway::bench
