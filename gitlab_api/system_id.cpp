#include "gitlab_api/system_id.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <random>
#include <stdexcept>

#include "gitlab_api/client.hpp"

namespace slipway::gitlab_api {

namespace {

constexpr std::size_t read_limit = 4096;

std::string trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n\v\f");
  if (first == std::string_view::npos) return "";
  return std::string{text.substr(first, text.find_last_not_of(" \t\r\n\v\f") - first + 1)};
}

/// The start of a small file; nullopt with errno set when it cannot be read.
std::optional<std::string> read_small(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return std::nullopt;
  std::string text(read_limit, '\0');
  const auto got = ::read(file, text.data(), text.size());
  const int error = errno;
  ::close(file);
  errno = error;
  if (got < 0) return std::nullopt;
  text.resize(static_cast<std::size_t>(got));
  return text;
}

std::string machine_id() {
  for (const auto* path : {"/var/lib/dbus/machine-id", "/etc/machine-id"})
    if (const auto text = read_small(path)) return trimmed(*text);
  return "";
}

/// "" or why it could not be written.
std::string save(const std::filesystem::path& path, const std::string& id) {
  const auto parent = path.parent_path();
  std::error_code error;
  if (!parent.empty() && !std::filesystem::exists(parent, error)) {
    const auto mask = ::umask(0077);
    std::filesystem::create_directories(parent, error);
    ::umask(mask);
    if (error) return error.message();
  }
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return std::strerror(errno);
  const bool whole = ::write(file, id.data(), id.size()) == static_cast<ssize_t>(id.size());
  const std::string failure = whole ? "" : std::strerror(errno);
  ::close(file);
  return failure;
}

}  // namespace

bool is_system_id(std::string_view text) {
  if (text.size() != 14 || (text[0] != 's' && text[0] != 'r') || text[1] != '_') return false;
  return std::all_of(text.begin() + 2, text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  });
}

std::string make_system_id(std::string_view machine_id) {
  if (!machine_id.empty()) {
    constexpr std::string_view message = "gitlab-runner";
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    if (HMAC(EVP_sha256(), machine_id.data(), static_cast<int>(machine_id.size()),
             reinterpret_cast<const unsigned char*>(message.data()), message.size(), digest.data(),
             &size) != nullptr) {
      std::string id = "s_";
      for (std::size_t i = 0; i < 6; ++i) id += fmt::format("{:02x}", digest[i]);
      return id;
    }
  }
  constexpr std::string_view alphabet =
      "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  std::random_device random;
  std::uniform_int_distribution<std::size_t> pick{0, alphabet.size() - 1};
  std::string id = "r_";
  for (int i = 0; i < 12; ++i) id += alphabet[pick(random)];
  return id;
}

std::string load_system_id(const std::string& config_dir) {
  const auto path =
      std::filesystem::path{config_dir.empty() ? "." : config_dir} / ".runner_system_id";
  if (const auto text = read_small(path.string())) {
    if (auto id = trimmed(*text); is_system_id(id)) return id;
  } else if (errno != ENOENT) {
    throw std::runtime_error{
        fmt::format("read system id from {}: {}", path.string(), std::strerror(errno))};
  }
  auto id = make_system_id(machine_id());
  spdlog::info("Created missing unique system ID system_id={}", id);
  if (const auto failure = save(path, id); !failure.empty())
    spdlog::warn("system id not saved path={} error=\"{}\"", path.string(), failure);
  return id;
}

}  // namespace slipway::gitlab_api
