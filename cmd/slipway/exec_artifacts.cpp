#include "cmd/slipway/exec_artifacts.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <system_error>

#include "helper/agent/fd.hpp"
#include "helper/archive/extract.hpp"
#include "local/ci/file_source.hpp"

namespace slipway::cmd {

namespace fs = std::filesystem;

void unpack_artifacts(const fs::path& archive, const fs::path& directory) {
  fs::create_directories(directory);
  const helper::Fd file{::open(archive.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.get() < 0)
    throw std::runtime_error{
        fmt::format("cannot open {}: {}", archive.string(),
                    std::error_code{errno, std::generic_category()}.message())};
  const helper::archive::Root root{directory};
  helper::archive::extract_archive(file.get(), root);
}

std::string read_from_artifacts(const fs::path& archive, const std::string& path) {
  if (archive.empty()) throw local::ci::SourceError{"the job has left no artifacts"};
  auto pattern = (fs::temp_directory_path() / "slipway-artifacts-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr)
    throw local::ci::SourceError{"no temporary directory can be made"};
  struct Directory {
    fs::path path;
    ~Directory() {
      std::error_code ignored;
      fs::remove_all(path, ignored);
    }
  };
  const Directory directory{pattern};
  try {
    unpack_artifacts(archive, directory.path);
    const helper::archive::Root root{directory.path};
    const auto file = root.open(path, O_RDONLY | O_CLOEXEC);
    if (file.get() < 0) throw local::ci::SourceError{"the job's artifacts have no such file"};
    std::ifstream stream{fmt::format("/proc/self/fd/{}", file.get()), std::ios::binary};
    std::ostringstream text;
    text << stream.rdbuf();
    return std::move(text).str();
  } catch (const local::ci::SourceError&) {
    throw;
  } catch (const std::exception& error) {
    throw local::ci::SourceError{error.what()};
  }
}

}  // namespace slipway::cmd
