#pragma once

#include <functional>
#include <string_view>

namespace slipway::helper::archive {

/// Takes the bytes of an archive in order, in pieces of any size, and waits when it cannot take
/// more. It is called by the thread that makes the archive. What it throws ends the archive and
/// reaches the caller.
using Sink = std::function<void(std::string_view)>;

}  // namespace slipway::helper::archive
