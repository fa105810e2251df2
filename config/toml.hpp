#pragma once

/// The TOML library, compiled once (toml_impl.cpp). For sources of this folder only: it is a heavy
/// header.
#define TOML_HEADER_ONLY 0
#define TOML_ENABLE_FORMATTERS 0
// The parser asserts what a broken file violates (`[[[`), right before it reports the error.
#define TOML_ASSERT(expr) static_assert(true)
#include <toml++/toml.h>
