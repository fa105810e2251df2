#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace slipway::config {

/// The whole file; nullopt when there is none. \throws ConfigError when it cannot be read or is
/// larger than 16 MiB.
std::optional<std::string> read_config_file(const std::string& path);

/// Replaces the file in one step: a temporary file in the same directory with the old mode and
/// owner (a new one: 0600), fsync, rename. Where a rename cannot be (the file is a mount of its
/// own), writes it directly. A symbolic link stays one. \throws ConfigError.
void write_config_file(const std::string& path, std::string_view text);

/// Keeps other slipway processes from changing files in the same directory while it exists. Creates
/// the directory (0700). \throws ConfigError when the lock is not free within 10 s.
class EditLock {
 public:
  explicit EditLock(const std::string& path);
  EditLock(const EditLock&) = delete;
  EditLock& operator=(const EditLock&) = delete;
  ~EditLock();

 private:
  int directory_ = -1;
};

}  // namespace slipway::config
