#pragma once

#include "config/config.hpp"
#include "config/load.hpp"
#include "config/toml.hpp"

namespace slipway::config {

/// The typed form of a file that has passed check(). Adds warnings of its own to `config.warnings`.
/// \throws ConfigError for invalid labels and values of slipway's own keys.
void bind(const toml::table& file, Config& config, const Environment& environment);

/// `[runners.cache]`.
Cache bind_cache(const toml::table& table);
/// `[runners.docker]`. \param path  the file's, for messages.
Docker bind_docker(const toml::table& table, const std::string& path);
/// `[runners.docker.dind]`.
Dind bind_dind(const toml::table& table, const std::string& path);

}  // namespace slipway::config
