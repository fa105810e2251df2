#pragma once

namespace slipway::bench {

/// What the helper does with archives, in a process of its own, so that it can be timed and its
/// memory seen: `archive-step pack-zip|pack-tar|unpack DIRECTORY ARCHIVE PEAK`, where the highest
/// VmRSS goes to the file PEAK, in KiB. Returns the exit code.
int archive_step(int argc, char** argv);

}  // namespace slipway::bench
