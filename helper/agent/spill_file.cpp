#include "helper/agent/spill_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>

namespace slipway::helper {
namespace {

Fd unlinked_file(const char* folder) {
  if (!folder || *folder != '/') return Fd{};
  Fd file{open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)};
  if (file) return file;
  auto path = std::string{folder} + "/slipway-output-XXXXXX";
  file = Fd{mkostemp(path.data(), O_CLOEXEC)};
  if (file) unlink(path.c_str());
  return file;
}

}  // namespace

bool SpillFile::write(std::uint64_t at, std::string_view bytes) {
  if (!file_) file_ = unlinked_file(std::getenv("RUNNER_TEMP_PROJECT_DIR"));
  if (!file_) file_ = unlinked_file("/tmp");
  if (!file_) return false;
  while (!bytes.empty()) {
    const auto done = pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return false;
    at += static_cast<std::uint64_t>(done);
    bytes.remove_prefix(static_cast<std::size_t>(done));
  }
  return true;
}

bool SpillFile::read(std::uint64_t at, char* to, std::size_t size) {
  while (size > 0) {
    const auto done = pread(file_.get(), to, size, static_cast<off_t>(at));
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return false;
    at += static_cast<std::uint64_t>(done);
    to += done;
    size -= static_cast<std::size_t>(done);
  }
  return true;
}

void SpillFile::clear() {
  // Gives the disk space back.
  if (file_ && ftruncate(file_.get(), 0) != 0) file_.close();
}

}  // namespace slipway::helper
