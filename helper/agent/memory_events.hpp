#pragma once

#include <cstdint>
#include <string_view>

namespace slipway::helper {

/// How many processes of this container the kernel has killed for want of memory so far, by its
/// control group (version 2 or 1); 0 where that cannot be read. Linux: memory.events,
/// memory.oom_control.
std::uint64_t oom_kills();

/// The number behind `oom_kill` in such a file's text; 0 if there is none.
std::uint64_t oom_kills_in(std::string_view text);

}  // namespace slipway::helper
