#pragma once

#include <string_view>

/// Whether a text has the form that a key of `[runners.docker]` needs. Jobs would fail for others,
/// so they are looked at when the file is read, too.
namespace slipway::config {

bool is_memory_size(std::string_view text);    ///< `512m`, `1.5g`, `-1`; powers of 1024
bool is_cpu_number(std::string_view text);     ///< `1.5`, `1/3`
bool is_ip_address(std::string_view text);     ///< of version 4 or 6
bool is_mac_address(std::string_view text);    ///< `02:42:ac:11:00:02`
bool is_engine_host(std::string_view text);    ///< `unix://…`, `tcp://…`
bool is_ulimit(std::string_view text);         ///< `1024`, `1024:2048`
bool is_extra_host(std::string_view text);     ///< `name:address`
bool is_server_url(std::string_view text);     ///< `https://host…`
bool is_absolute_path(std::string_view text);  ///< also one that a variable begins

}  // namespace slipway::config
