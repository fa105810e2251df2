#pragma once

#include <string>

#include "tests/integration/fault_jobs.hpp"

namespace slipway::tests {

/// Jobs in both modes of the build container: with an agent in it, and plain. Where the two may
/// differ, agent() tells which is expected.
class BothModes : public FaultJobs, public testing::WithParamInterface<config::AgentMode> {
 protected:
  void SetUp() override {
    FaultJobs::SetUp();
    docker().agent = GetParam();
  }
  bool agent() const { return GetParam() == config::AgentMode::automatic; }
};

inline std::string mode_name(const testing::TestParamInfo<config::AgentMode>& mode) {
  return mode.param == config::AgentMode::off ? "Plain" : "Agent";
}

inline const auto both_modes =
    testing::Values(config::AgentMode::automatic, config::AgentMode::off);

}  // namespace slipway::tests
