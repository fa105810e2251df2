#include "runner/state_dir.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/rand.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <stdexcept>
#include <thread>
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
  std::filesystem::create_directories(path_ / "jobs", error);
  if (error) fail(path_, error.message() + "; choose another with state_dir in [slipway]");
  // It will hold tokens and logs of jobs.
  if (::chmod(path_.c_str(), 0700) != 0)
    fail(path_, fmt::format("cannot be made private: {}", std::strerror(errno)));
  lock();
  load_id();
}

StateDir::Lock::~Lock() {
  if (file >= 0) ::close(file);
}

void StateDir::lock() {
  const auto file = path_ / "lock";
  lock_.file = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock_.file < 0) fail(path_, std::strerror(errno));
  // `slipway status` holds it for a moment, a process that ends for a little longer.
  int tries = 20;
  while (::flock(lock_.file, LOCK_EX | LOCK_NB) != 0 && --tries > 0)
    std::this_thread::sleep_for(std::chrono::milliseconds{50});
  if (tries == 0)
    throw StateDirInUse{fmt::format(
        "state directory {}: another slipway is using it; stop that one, or give this one a "
        "state_dir of its own in [slipway]",
        path_.string())};
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

std::filesystem::path StateDir::new_job(std::string_view runner, std::int64_t job) const {
  std::string name;
  for (const char c : runner)
    name += (std::isalnum(static_cast<unsigned char>(c)) || c == '-') ? c : '_';
  return path_ / "jobs" / fmt::format("{}-{}-{}", name, job, random_hex(2));
}

std::vector<std::filesystem::path> StateDir::jobs() const {
  std::vector<std::filesystem::path> found;
  std::error_code error;
  for (auto entry = std::filesystem::directory_iterator{path_ / "jobs", error};
       !error && entry != std::filesystem::directory_iterator{}; entry.increment(error))
    found.push_back(entry->path());
  if (error) fail(path_, error.message());
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace slipway::runner
