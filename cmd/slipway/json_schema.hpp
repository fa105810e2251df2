#pragma once

#include <nlohmann/json_fwd.hpp>

namespace slipway::cmd {

/// A JSON schema of config.toml for editors, made from the table that the loader checks by: every
/// key with its kind, and the allowed values where those are few. Unknown keys are allowed, as the
/// loader only warns of them. Source: JSON Schema, draft 07.
nlohmann::json json_schema();

}  // namespace slipway::cmd
