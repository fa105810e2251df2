#pragma once

#include <stdexcept>
#include <string>

namespace slipway::helper::archive {

/// An archive that cannot be read or made; the text names the file or entry and is meant for the
/// job's log. Failing system calls throw std::system_error, also with the name in the text.
class ArchiveError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace slipway::helper::archive
