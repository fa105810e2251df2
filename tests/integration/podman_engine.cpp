#include "tests/integration/podman_engine.hpp"

#include <fmt/format.h>

#include <fstream>

namespace slipway::tests {

PodmanEngine& PodmanEngine::shared() {
  static PodmanEngine engine;
  return engine;
}

PodmanEngine::PodmanEngine() : PrivateEngine{'p'} {
  if (shell("command -v podman || true").empty())
    throw std::runtime_error{"podman is missing: install it with `tools/dev setup`"};
  // No limits: a host whose root may not raise them could start no container at all.
  std::ofstream{directory() / "containers.conf"} << fmt::format(
      "[engine]\ncgroup_manager = \"cgroupfs\"\nevents_logger = \"file\"\nruntime = \"runc\"\n"
      "[network]\nnetwork_backend = \"cni\"\nnetwork_config_dir = \"{0}/networks\"\n"
      "[containers]\ndefault_ulimits = []\n",
      directory().string());
  std::ofstream{directory() / "storage.conf"} << fmt::format(
      "[storage]\ndriver = \"overlay\"\ngraphroot = \"{0}/data\"\nrunroot = \"{0}/state\"\n",
      directory().string());
}

std::vector<std::string> PodmanEngine::command(const Options&) const {
  const auto file = [&](const char* name) { return (directory() / name).string(); };
  return {"env",
          "CONTAINERS_CONF=" + file("containers.conf"),
          "CONTAINERS_STORAGE_CONF=" + file("storage.conf"),
          "podman",
          "system",
          "service",
          "--time=0",
          host()};
}

}  // namespace slipway::tests
