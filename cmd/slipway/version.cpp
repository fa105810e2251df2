#include "cmd/slipway/version.hpp"

namespace slipway::cmd {

std::string version() {
  return SLIPWAY_VERSION;
}

std::string revision() {
  return SLIPWAY_REVISION;
}

std::string architecture() {
#if defined(__x86_64__)
  return "amd64";
#elif defined(__aarch64__)
  return "arm64";
#elif defined(__arm__)
  return "arm";
#elif defined(__s390x__)
  return "s390x";
#elif defined(__powerpc64__)
  return "ppc64le";
#elif defined(__riscv)
  return "riscv64";
#else
  return "unknown";
#endif
}

std::string version_text() {
  return "Version:      " + version() + "\nGit revision: " + revision() +
         "\nGit branch:   " SLIPWAY_BRANCH "\nCompiler:     " __VERSION__
         "\nBuilt:        " SLIPWAY_DATE "\nOS/Arch:      linux/" +
         architecture() + "\n";
}

}  // namespace slipway::cmd
