#pragma once

#include <string>
#include <string_view>

namespace slipway::local::yaml {

enum class Kind { null, boolean, integer, real, string, sequence, mapping, reference };

/// A scalar's value. `text` is what the value is as a string, as GitLab makes it one: `8` for
/// `010`, `1.1` for `1.10`, `true` for `yes`, empty for null.
struct Scalar {
  Kind kind = Kind::string;
  std::string text;
};

/// Thrown for a date or time without quotes: GitLab refuses them.
class DateScalar {};

/// Reads a plain (unquoted) scalar as GitLab's YAML library (Psych, YAML 1.1) does: `yes`, `on`,
/// `0x1f`, `1_000`, `1:30` and so on. \throws DateScalar.
Scalar resolve_plain(std::string_view text);

/// A floating-point number as Ruby prints it: `1.0`, `1.0e+20`.
std::string ruby_float(double value);

}  // namespace slipway::local::yaml
