#include "local/ci/file_source.hpp"

namespace slipway::local::ci {

std::string FileSource::fetch(const std::string&) {
  throw SourceError{"remote files are not available here"};
}

Origin FileSource::open_project(const std::string&, const std::string&) {
  throw SourceError{"other projects are not available here"};
}

ComponentOrigin FileSource::open_component(const std::string&) {
  throw SourceError{"components are not available here"};
}

std::string FileSource::read_template(const std::string&) {
  throw SourceError{"no directory of templates is known"};
}

std::string FileSource::read_artifact(const std::string&, const std::string&) {
  throw SourceError{"artifacts are there only once the job has run"};
}

std::optional<std::vector<std::string>> History::changed_files(const std::optional<std::string>&) {
  return std::nullopt;
}

std::optional<std::string> History::last_commit_of(const std::string&) {
  return std::nullopt;
}

}  // namespace slipway::local::ci
