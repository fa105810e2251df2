#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "job/variables.hpp"

namespace slipway::job {

/// What the generated script of one user stage (step_<name>, after_script) is made of. Pure text,
/// no I/O.
struct ScriptOptions {
  Variables variables;      ///< expanded, in list order; file variables are written below temp_dir
  std::string project_dir;  ///< the script starts there
  std::string temp_dir;     ///< RUNNER_TEMP_PROJECT_DIR
  std::string pre_build_script;  ///< one command each; "" = none
  std::vector<std::string> commands;
  std::string post_build_script;
  std::string first_notice;      ///< `Running after script...` for after_script
  bool debug_trace = false;      ///< CI_DEBUG_TRACE
  bool exit_code_check = false;  ///< FF_ENABLE_BASH_EXIT_CODE_CHECK
  bool posix_escapes = false;    ///< FF_POSIXLY_CORRECT_ESCAPES
  bool legacy_eval = false;      ///< FF_USE_LEGACY_BASH_EVAL
  bool script_sections = false;  ///< FF_SCRIPT_SECTIONS and features.trace_sections
  bool git_seed = false;         ///< FF_GIT_URLS_WITHOUT_TOKENS: git's user configuration is ours
  std::string section_prefix = "script_step";  ///< or after_script_step
};

/// The whole script, to be fed to `sh` or `bash` on stdin; its last line is `exit 0` (an EOF may
/// never come). The same text works in bash, dash and BusyBox ash: every word is quoted for POSIX
/// sh, newlines and control bytes stand literally within the quotes (dash cannot read `$'…'`), so
/// posix_escapes changes nothing. NUL bytes, which no shell can hold, are left out. A variable
/// whose key is no shell identifier fails the stage with exit code 1.
std::string generate_script(const ScriptOptions& options);

/// The `sh -c` argument that execs the first shell of the documented list, or prints `shell not
/// found` and exits 1.
std::string shell_detection_script();

/// One shell word for POSIX sh: bare if it is made of harmless characters only, else in single
/// quotes. NUL bytes are left out.
std::string quote_posix(std::string_view text);

}  // namespace slipway::job
