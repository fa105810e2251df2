#include <cstdio>
#include <string_view>

#include "cmd/slipway/program.hpp"
#include "cmd/slipway/version.hpp"

int main(int argc, char** argv) {
  // Scripts and health checks ask for the version often: nothing else is set up for it.
  if (argc == 2)
    for (const std::string_view flag : {"--version", "-version", "-v", "--v"})
      if (flag == argv[1])
        return std::fputs(slipway::cmd::version_text().c_str(), stdout) < 0 ? 1 : 0;
  return slipway::cmd::run_program(argc, argv);
}
