#pragma once

namespace slipway::cmd {

/// The whole program: reads the command line, sets up logging, runs one command. Returns the exit
/// code; throws nothing.
int run_program(int argc, char** argv);

}  // namespace slipway::cmd
