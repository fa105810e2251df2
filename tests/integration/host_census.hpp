#pragma once

#include <set>
#include <string>

namespace slipway::tests {

/// What tests may leave on the machine beside an Engine's objects: a line per process that was
/// started by this one or by what it started (they are known by a variable of their environment),
/// and per mount that this process sees.
class HostCensus {
 public:
  /// Its value is this process's number. Without it is started what tests share: it is not counted.
  static constexpr const char* variable = "SLIPWAY_TEST_RUN";

  /// Marks, from now on, what is started.
  static HostCensus take();

  /// Waits until the machine is as it was then, for a while. What is more or less, a line each; ""
  /// = nothing.
  std::string difference() const;

 private:
  std::set<std::string> lines_;
};

}  // namespace slipway::tests
