#include "helper/cache/stages.hpp"

#include <fmt/format.h>

#include <charconv>
#include <system_error>

#include "helper/artifacts/upload.hpp"
#include "helper/cache/cache_archiver.hpp"
#include "helper/cache/cache_extractor.hpp"
#include "helper/log.hpp"
#include "helper/sources/files.hpp"
#include "helper/sources/process.hpp"
#include "helper/stage_environment.hpp"

namespace slipway::helper::cache {

namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t smallest_chunk = 64u << 10;
constexpr std::uint64_t largest_chunk = 1u << 30;
constexpr unsigned most_connections = 64;

void print_notes(const std::vector<job::CacheNote>& notes) {
  for (const auto& note : notes) note.warning ? warning(note.text) : notice(note.text);
}

std::chrono::minutes timeout_of(int minutes) {
  return std::chrono::minutes{minutes > 0 ? minutes : 10};
}

/// A setting that cannot be used is named, and is as if it were not there.
template <class Number>
void read_setting(const Lookup& environment, const char* name, Number& value, Number least,
                  Number most) {
  const auto text = environment(name).value_or("");
  if (text.empty()) return;
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc{} && end == text.data() + text.size() && number >= least && number <= most)
    value = number;
  else
    log(LogLevel::warning,
        fmt::format("{}: expected a number from {} to {}, using {}", name, least, most, value));
}

Tuning tuning_of(const Lookup& environment) {
  Tuning tuning;
  const auto flag = environment("FF_USE_PARALLEL_CACHE_TRANSFER").value_or("");
  for (const auto* yes : {"1", "t", "T", "true", "TRUE", "True"})
    tuning.parallel = tuning.parallel || flag == yes;
  read_setting(environment, "CACHE_CHUNK_SIZE", tuning.chunk_size, smallest_chunk, largest_chunk);
  read_setting(environment, "CACHE_CONCURRENCY", tuning.concurrency, 1u, most_connections);
  return tuning;
}

// Texts of the user's, not patterns; nothing is removed through a link that leads elsewhere.
void remove_path(const fs::path& project, const std::string& path) {
  const auto clean = (project / path).lexically_normal();
  const auto target = clean.has_filename() ? clean : clean.parent_path();
  const auto root = fs::canonical(project);
  const auto parent = fs::weakly_canonical(target.parent_path());
  const auto below = parent.lexically_relative(root);
  if (target.filename() == ".." || below.empty() || *below.begin() == "..")
    warning(path + ": not below the project directory, and not removed");
  else
    remove_tree(parent / target.filename());
}

void remove_paths(const fs::path& project, const std::vector<std::string>& paths) {
  for (const auto& path : paths) {
    notice("Removing " + path);
    try {
      remove_path(project, path);
    } catch (const std::system_error& error) {
      warning(error.what());
    }
  }
}

void restore(const job::RestoreCacheParameters& parameters, const job::CacheRestore& cache,
             const Tuning& tuning) {
  for (const auto& candidate : cache.candidates) {
    notice(fmt::format("Checking cache for {}...", candidate.key));
    ExtractRequest request;
    request.project = parameters.project_dir;
    request.file = candidate.file;
    request.object = candidate.object;
    request.alternate = candidate.alternate;
    request.timeout = timeout_of(parameters.timeout);
    request.tuning = tuning;
    if (extract_cache(request) == 0) {
      notice("Successfully extracted cache");
      return;
    }
    warning("Failed to extract cache");
    if (parameters.clean_up_failed) remove_paths(parameters.project_dir, cache.paths);
  }
}

}  // namespace

int restore_caches(const job::RestoreCacheParameters& parameters) {
  enter_stage(parameters.variables, parameters.project_dir);
  const auto tuning = tuning_of(environment_lookup());
  for (const auto& cache : parameters.caches) {
    print_notes(cache.notes);
    restore(parameters, cache, tuning);
  }
  return 0;
}

int save_caches(const job::SaveCacheParameters& parameters) {
  enter_stage(parameters.variables, parameters.project_dir);
  const auto environment = environment_lookup();
  for (const auto& cache : parameters.caches) {
    print_notes(cache.notes);
    if (cache.key.empty()) continue;
    notice(fmt::format("Creating cache {}...", cache.key));
    ArchiveRequest request;
    request.choice = {parameters.project_dir, cache.paths, {}, cache.untracked};
    request.file = cache.file;
    request.alternate_file = cache.alternate_file;
    request.url = cache.url;
    request.check_url = cache.check_url;
    request.headers = cache.headers;
    request.max_size = cache.max_size;
    request.metadata = {{"cachekey", cache.key}};
    request.timeout = timeout_of(parameters.timeout);
    request.level = environment("CACHE_COMPRESSION_LEVEL").value_or("");
    request.format = environment("CACHE_COMPRESSION_FORMAT").value_or("");
    request.lookup = environment;
    if (archive_cache(request) == 0)
      notice("Created cache");
    else
      warning("Failed to create cache");
  }
  return 0;
}

}  // namespace slipway::helper::cache
