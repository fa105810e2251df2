#include "job/settings.hpp"

#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <string_view>

#include "job/attempts.hpp"

namespace slipway::job {
namespace {

constexpr std::size_t longest_quoted = 100;

/// `text` in double quotes, on one line, cut where it is long.
std::string quoted(std::string_view text) {
  std::string result{'"'};
  for (const char c : text.substr(0, longest_quoted)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      result += '\\';
      result += c;
    } else if (c == '\n') {
      result += "\\n";
    } else if (c == '\t') {
      result += "\\t";
    } else if (byte < 0x20 || byte == 0x7f) {
      result += fmt::format("\\x{:02x}", byte);
    } else {
      result += c;
    }
  }
  if (text.size() > longest_quoted) result += "...";
  return result += '"';
}

std::vector<std::string> words(std::string_view text) {
  constexpr std::string_view space = " \t\n\v\f\r";
  std::vector<std::string> result;
  while (true) {
    const auto begin = text.find_first_not_of(space);
    if (begin == std::string_view::npos) return result;
    text.remove_prefix(begin);
    const auto end = std::min(text.find_first_of(space), text.size());
    result.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

class Reader {
 public:
  Reader(const Variables& variables, std::vector<std::string>& errors)
      : variables_{variables}, errors_{errors} {}

  std::string text(const char* name) const { return variables_.get(name); }

  bool boolean(const char* name, bool fallback) {
    const auto value = text(name);
    if (value.empty()) return fallback;
    // Both answers are the fallback's only if the word is none.
    const bool result = variables_.get_bool(name, fallback);
    if (result == fallback && variables_.get_bool(name, !fallback) != fallback)
      error(fmt::format("{}: expected bool got {}, using default value: {}", name, quoted(value),
                        fallback));
    return result;
  }

  int number(const char* name, int fallback) {
    const auto value = text(name);
    if (value.empty()) return fallback;
    int result = 0;
    const auto* const begin = value.data() + (value.starts_with('+') ? 1 : 0);
    const auto* const end = value.data() + value.size();
    const auto parsed = std::from_chars(begin, end, result);
    if (parsed.ec == std::errc{} && parsed.ptr == end) return result;
    error(fmt::format("{}: expected int got {}, using default value: {}", name, quoted(value),
                      fallback));
    return fallback;
  }

  /// `none` is the empty list.
  std::vector<std::string> flags(const char* name, std::vector<std::string> fallback) const {
    const auto value = text(name);
    if (value.empty()) return fallback;
    return value == "none" ? std::vector<std::string>{} : words(value);
  }

  int attempts(const char* name) { return job::attempts(variables_, name, errors_); }

  void error(std::string line) { errors_.push_back(std::move(line)); }

 private:
  const Variables& variables_;
  std::vector<std::string>& errors_;
};

std::string git_strategy(Reader& reader, bool allow_fetch) {
  constexpr const char* name = "GIT_STRATEGY";
  const std::string fallback = allow_fetch ? "fetch" : "clone";
  const auto value = reader.text(name);
  if (value.empty()) return fallback;
  if (value == "clone" || value == "fetch" || value == "none" || value == "empty") return value;
  reader.error(
      fmt::format("{}: expected either 'clone', 'fetch', 'none' or 'empty' got {}, using default "
                  "value '{}'",
                  name, quoted(value), fallback));
  return fallback;
}

SubmoduleStrategy submodule_strategy(Reader& reader) {
  constexpr const char* name = "GIT_SUBMODULE_STRATEGY";
  const auto value = reader.text(name);
  if (value.empty() || value == "none") return SubmoduleStrategy::none;
  if (value == "normal") return SubmoduleStrategy::normal;
  if (value == "recursive") return SubmoduleStrategy::recursive;
  reader.error(fmt::format("{}: expected either 'normal', 'recursive' or 'none' got {}", name,
                           quoted(value)));
  return SubmoduleStrategy::invalid;
}

void read_submodules(Reader& reader, int depth, Settings& settings) {
  constexpr const char* paths = "GIT_SUBMODULE_PATHS";
  settings.submodule_strategy = submodule_strategy(reader);
  settings.submodule_paths = words(reader.text(paths));
  for (const auto& path : settings.submodule_paths)
    if (path == ":(exclude)")
      settings.submodule_paths_error =
          fmt::format("{}: invalid submodule pathspec {}", paths, quoted(reader.text(paths)));
  settings.submodule_depth = reader.number("GIT_SUBMODULE_DEPTH", depth);
  settings.submodule_update_flags = reader.flags("GIT_SUBMODULE_UPDATE_FLAGS", {});
  settings.submodule_force_https = reader.boolean("GIT_SUBMODULE_FORCE_HTTPS", false);
}

void read_debugging(Reader& reader, bool trace_disabled, Settings& settings) {
  constexpr const char* trace = "CI_DEBUG_TRACE";
  settings.debug_trace = reader.boolean(trace, false);
  settings.debug_services = reader.boolean("CI_DEBUG_SERVICES", false);
  if (!settings.debug_trace || !trace_disabled) return;
  settings.debug_trace = false;
  reader.error(fmt::format("{}: usage is disabled on this Runner", trace));
}

}  // namespace

Settings read_settings(const Variables& variables, const SettingsContext& context) {
  Settings settings;
  Reader reader{variables, settings.errors};
  settings.git_strategy = git_strategy(reader, context.allow_git_fetch);
  settings.git_checkout = reader.boolean("GIT_CHECKOUT", true);
  read_submodules(reader, context.depth, settings);
  settings.clean_flags = reader.flags("GIT_CLEAN_FLAGS", settings.clean_flags);
  settings.fetch_flags = reader.flags("GIT_FETCH_EXTRA_FLAGS", settings.fetch_flags);
  settings.clone_flags = reader.flags("GIT_CLONE_EXTRA_FLAGS", {});
  settings.lfs_skip_smudge = reader.boolean("GIT_LFS_SKIP_SMUDGE", false);
  settings.clone_path = reader.text("GIT_CLONE_PATH");
  read_debugging(reader, context.debug_trace_disabled, settings);
  settings.after_script_ignore_errors = reader.boolean("AFTER_SCRIPT_IGNORE_ERRORS", true);
  settings.cache_request_timeout = reader.number("CACHE_REQUEST_TIMEOUT", 10);
  settings.docker_auth_config = util::Secret{reader.text("DOCKER_AUTH_CONFIG")};
  settings.get_sources_attempts = reader.attempts("GET_SOURCES_ATTEMPTS");
  settings.restore_cache_attempts = reader.attempts("RESTORE_CACHE_ATTEMPTS");
  settings.artifact_download_attempts = reader.attempts("ARTIFACT_DOWNLOAD_ATTEMPTS");
  settings.executor_job_section_attempts = reader.attempts("EXECUTOR_JOB_SECTION_ATTEMPTS");
  settings.secrets_retrieval_attempts = reader.attempts("SECRETS_RETRIEVAL_ATTEMPTS");
  return settings;
}

}  // namespace slipway::job
