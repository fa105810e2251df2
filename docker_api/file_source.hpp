#pragma once

#include <cstdint>
#include <fstream>
#include <string>

#include "net/client.hpp"

namespace slipway::docker_api {

/// A local file as the body of a request. Reads block for a piece at a time, which the page cache
/// makes short. \throws std::runtime_error that names the file, from the constructor and from
/// read().
class FileSource : public net::BodySource {
 public:
  explicit FileSource(std::string path);

  std::optional<std::uint64_t> size() const override { return size_; }
  asio::awaitable<std::size_t> read(std::span<char> buffer) override;
  void rewind() override;

 private:
  std::string path_;
  std::ifstream file_;
  std::uint64_t size_ = 0;
};

}  // namespace slipway::docker_api
