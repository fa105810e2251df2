#include "helper/artifacts/untracked.hpp"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <system_error>

#include "helper/sources/process.hpp"

namespace slipway::helper {

namespace {
[[noreturn]] void fail(const char* what) {
  throw std::system_error{errno, std::generic_category(), what};
}
}  // namespace

UntrackedFiles::UntrackedFiles(const std::filesystem::path& project) {
  // A file, not a pipe: nobody has to read while git runs, and the list may be long.
  file_ = Fd{::memfd_create("untracked", MFD_CLOEXEC)};
  if (!file_) fail("memfd_create");
  Command command;
  // Its owner may be the build container's user.
  command.arguments = {"git", "-c", "safe.directory=" + project.string(), "ls-files", "-o", "-z"};
  command.directory = project.string();
  command.output = file_.get();
  try {
    const int code = run(command, Environment::inherited());
    if (code != 0) problem_ = fmt::format("exit status {}", code);
  } catch (const StageFailure& failure) {
    problem_ = failure.what();
  }
  struct stat status {};
  if (::fstat(file_.get(), &status) != 0) fail("fstat");
  if (!problem_.empty() || status.st_size == 0) return;
  size_ = static_cast<std::size_t>(status.st_size);
  auto* const mapped = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file_.get(), 0);
  if (mapped == MAP_FAILED) fail("mmap");
  text_ = static_cast<const char*>(mapped);
}

UntrackedFiles::~UntrackedFiles() {
  if (text_ != nullptr) ::munmap(const_cast<char*>(text_), size_);
}

}  // namespace slipway::helper
