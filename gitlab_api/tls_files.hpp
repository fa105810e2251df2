#pragma once

#include <array>
#include <string>

#include "net/endpoint.hpp"

namespace slipway::gitlab_api {

/// The TLS files of a runner and what they held when last read. A missing CA file is ignored; one
/// that cannot be used, and a client certificate that cannot be loaded, is logged as an error, and
/// the calls go on without it (verification stays on).
class TlsFiles {
 public:
  TlsFiles(std::string ca_file, std::string certificate_file, std::string key_file);

  /// Reads them again if any has changed since. Returns whether anything was read.
  bool refresh();
  const net::TlsOptions& options() const { return options_; }

 private:
  /// Modification time, size and inode of each; a file that is not there has its own stamp.
  using Stamps = std::array<std::string, 3>;
  Stamps stamps() const;
  void load();

  std::string ca_file_;
  std::string certificate_file_;
  std::string key_file_;
  Stamps loaded_;
  net::TlsOptions options_;
};

}  // namespace slipway::gitlab_api
