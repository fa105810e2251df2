#pragma once

namespace slipway::fakes {

// Where the unit tests of a folder find what they need. Each test program has a generated file of
// its own with these: no other object file holds a path of the machine, and a compiler cache works
// across checkouts.

extern const char* const test_data_dir;    ///< tests/unit/<folder>
extern const char* const slipway_program;  ///< `slipway`, "" if it is not built
extern const char* const helper_program;   ///< `slipway-helper`, likewise

}  // namespace slipway::fakes
