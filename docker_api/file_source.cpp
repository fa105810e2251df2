#include "docker_api/file_source.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace slipway::docker_api {

FileSource::FileSource(std::string path) : path_{std::move(path)}, file_{path_, std::ios::binary} {
  std::error_code error;
  size_ = std::filesystem::file_size(path_, error);
  if (error) throw std::runtime_error{fmt::format("read {}: {}", path_, error.message())};
  if (!file_) throw std::runtime_error{fmt::format("read {}: cannot open the file", path_)};
}

asio::awaitable<std::size_t> FileSource::read(std::span<char> buffer) {
  file_.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
  if (file_.bad()) throw std::runtime_error{fmt::format("read {}: input/output error", path_)};
  co_return static_cast<std::size_t>(file_.gcount());
}

void FileSource::rewind() {
  file_.clear();
  file_.seekg(0);
}

}  // namespace slipway::docker_api
