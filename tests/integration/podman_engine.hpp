#pragma once

#include <string>
#include <vector>

#include "tests/integration/private_engine.hpp"

namespace slipway::tests {

/// A real Podman that serves Docker's API on a socket, in namespaces of its own like PrivateEngine;
/// Options have no effect. Needs the package podman.
class PodmanEngine final : public PrivateEngine {
 public:
  PodmanEngine();
  /// The one that all tests of the process share.
  static PodmanEngine& shared();

 private:
  std::vector<std::string> command(const Options& options) const override;
};

}  // namespace slipway::tests
