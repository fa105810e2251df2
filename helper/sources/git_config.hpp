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

/// What every repository of a job starts with (the template's `config`).
std::string template_config(std::string_view external_config_path);

/// `remote.origin` as `git remote add origin <url>` writes it.
std::string origin_section(std::string_view url);

/// Certificates for the servers that they are meant for; "" when there are none.
std::string tls_sections(const job::GetSourcesParameters& parameters);

/// The external config: headers, certificates, the rules that put credentials into URLs, and the
/// credential helper that stands in for these.
std::string external_config(const job::GetSourcesParameters& parameters);

/// What GIT_CONFIG_GLOBAL names where no file may hold a token: the user's own files as far as they
/// can be read, and the external config. `home`: "" = none.
std::string global_seed(std::string_view home, std::string_view external_config_path);

}  // namespace slipway::helper
