#pragma once

#include <string>
#include <string_view>

#include "job/git_stage.hpp"

/// The text of git configuration files, written by us so that credentials pass through no command
/// line. Syntax: git-config(1), "Syntax".
namespace slipway::helper {

/// `[section "subsection"]`; "" = without subsection.
/// \throws StageFailure when `subsection` holds a newline or NUL, which git cannot represent.
std::string section_header(std::string_view section, std::string_view subsection = "");

/// `\tkey = "value"\n` with git's escapes. \throws StageFailure for a NUL.
std::string assignment(std::string_view key, std::string_view value);

/// `scheme://[user@]host[:port]` of an absolute URL, "" if it has none.
std::string url_origin(std::string_view url);

/// What every repository of a job starts with (the template's `config`).
std::string template_config(std::string_view external_config_path);

/// `remote.origin` as `git remote add origin <url>` writes it.
std::string origin_section(std::string_view url);

/// The external config: headers, certificate authority and the rules that put credentials into
/// URLs. Rules for a host end in `/`: without it `https://git.example` would also stand for
/// `https://git.example.evil.net` and hand the token to it.
std::string external_config(const job::GetSourcesParameters& parameters);

}  // namespace slipway::helper
