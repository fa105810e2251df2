#pragma once

namespace slipway::bench {

/// A coordinator in a process of its own, so that it and the daemon's side do not share a thread:
/// `log-coordinator JOBS TOKEN`. Writes `port N`, then `bytes N` (of all logs) ten times a second,
/// and when the jobs have ended `whole N` (lines of all logs, each checked) or what is wrong.
/// Returns the exit code.
int log_coordinator(int argc, char** argv);

}  // namespace slipway::bench
