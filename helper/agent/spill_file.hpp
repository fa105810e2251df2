#pragma once

#include <cstdint>
#include <string_view>

#include "agent/output_log.hpp"
#include "helper/agent/fd.hpp"

namespace slipway::helper {

/// Output that waits for its acknowledgement in an unlinked file, made when first needed in
/// `$RUNNER_TEMP_PROJECT_DIR` or `/tmp`, whichever can be written to.
class SpillFile : public agent::Spill {
 public:
  bool write(std::uint64_t at, std::string_view bytes) override;
  bool read(std::uint64_t at, char* to, std::size_t size) override;
  void clear() override;

 private:
  Fd file_;
};

}  // namespace slipway::helper
