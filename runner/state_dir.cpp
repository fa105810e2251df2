#include "runner/state_dir.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/rand.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <stdexcept>
#include <vector>

namespace slipway::runner {

namespace {

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& what) {
  throw std::runtime_error{fmt::format("state directory {}: {}", path.string(), what)};
}

bool is_id(const std::string& text) {
  return text.size() == 16 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

}  // namespace

std::string random_hex(std::size_t bytes) {
  std::vector<unsigned char> random(bytes);
  if (RAND_bytes(random.data(), static_cast<int>(bytes)) != 1)
    throw std::runtime_error{"no random numbers to be had"};
  std::string hex;
  for (const auto byte : random) hex += fmt::format("{:02x}", byte);
  return hex;
}

StateDir::StateDir(std::filesystem::path path) : path_{std::move(path)} {
  std::error_code error;
  std::filesystem::create_directories(path_ / "spool", error);
  if (error) fail(path_, error.message() + "; choose another with state_dir in [slipway]");
  // It will hold tokens and logs of jobs.
  if (::chmod(path_.c_str(), 0700) != 0)
    fail(path_, fmt::format("cannot be made private: {}", std::strerror(errno)));
  lock();
  load_id();
  // Nobody else may use the directory now: what lies in the spool belongs to jobs of a process that
  // is gone.
  for (const auto& entry : std::filesystem::directory_iterator{path_ / "spool"})
    std::filesystem::remove(entry.path(), error);
}

StateDir::Lock::~Lock() {
  if (file >= 0) ::close(file);
}

void StateDir::lock() {
  const auto file = path_ / "lock";
  lock_.file = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock_.file < 0) fail(path_, std::strerror(errno));
  if (::flock(lock_.file, LOCK_EX | LOCK_NB) != 0)
    fail(path_,
         "another slipway is using it; stop that one, or give this one a state_dir of its own "
         "in [slipway]");
}

void StateDir::load_id() {
  const auto file = path_ / "id";
  std::ifstream{file} >> id_;
  if (is_id(id_)) return;
  id_ = random_hex(8);
  const int out = ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  const auto text = id_ + "\n";
  const bool written =
      out >= 0 && ::write(out, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
      ::fsync(out) == 0;
  if (out >= 0) ::close(out);
  if (!written)
    fail(path_, fmt::format("cannot write {}: {}", file.string(), std::strerror(errno)));
}

std::filesystem::path StateDir::spool_path(std::string_view runner, std::int64_t job) const {
  std::string name;
  for (const char c : runner)
    name += (std::isalnum(static_cast<unsigned char>(c)) || c == '-') ? c : '_';
  return path_ / "spool" / fmt::format("{}-{}.log", name, job);
}

}  // namespace slipway::runner
