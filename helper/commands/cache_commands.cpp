#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "helper/artifacts/upload.hpp"
#include "helper/cache/cache_archiver.hpp"
#include "helper/cache/cache_extractor.hpp"
#include "helper/commands/command_line.hpp"
#include "helper/commands/commands.hpp"
#include "helper/commands/env_file.hpp"
#include "helper/log.hpp"

namespace slipway::helper {

namespace {

using Kind = Option::Kind;

constexpr std::array archiver_options{
    Option{"file"},
    Option{"alternate-file"},
    Option{"url"},
    Option{"check-url"},
    Option{"gocloud-url"},
    Option{"timeout"},
    Option{"header", Kind::list},
    Option{"metadata", Kind::value, "CACHE_METADATA"},
    Option{"compression-level", Kind::value, "CACHE_COMPRESSION_LEVEL"},
    Option{"compression-format", Kind::value, "CACHE_COMPRESSION_FORMAT"},
    Option{"max-uploaded-archive-size", Kind::value, "CACHE_MAX_UPLOADED_ARCHIVE_SIZE"},
    Option{"env-file"},
    Option{"path", Kind::list},
    Option{"exclude", Kind::list},
    Option{"untracked", Kind::flag},
    Option{"verbose", Kind::flag},
    Option{"retry"},
    Option{"retry-time"},
    Option{"transfer-buffer-size", Kind::value, "CACHE_TRANSFER_BUFFER_SIZE"},
    Option{"chunk-size", Kind::value, "CACHE_CHUNK_SIZE"},
    Option{"concurrency", Kind::value, "CACHE_CONCURRENCY"},
    Option{"transfer-meter-frequency", Kind::value, "TRANSFER_METER_FREQUENCY"},
};

constexpr std::array extractor_options{
    Option{"file"},
    Option{"url"},
    Option{"head-url"},
    Option{"gocloud-url"},
    Option{"alternate-url"},
    Option{"alternate-head-url"},
    Option{"alternate-gocloud-url"},
    Option{"timeout"},
    Option{"env-file"},
    Option{"retry"},
    Option{"retry-time"},
    Option{"transfer-buffer-size", Kind::value, "CACHE_TRANSFER_BUFFER_SIZE"},
    Option{"chunk-size", Kind::value, "CACHE_CHUNK_SIZE"},
    Option{"concurrency", Kind::value, "CACHE_CONCURRENCY"},
    Option{"transfer-meter-frequency", Kind::value, "TRANSFER_METER_FREQUENCY"},
};

constexpr std::uint64_t most_retries = 100;
constexpr std::uint64_t most_minutes = 7 * 24 * 60;
constexpr std::uint64_t smallest_chunk = 64u << 10;
constexpr std::uint64_t largest_chunk = 1u << 30;
constexpr std::uint64_t most_connections = 64;

std::chrono::minutes timeout_of(const CommandLine& line) {
  const auto text = line.text("timeout");
  // Zero and less mean the default.
  if (text.empty() || text.starts_with('-')) return std::chrono::minutes{10};
  const auto minutes = std::min(line.number("timeout", 0), most_minutes);
  return std::chrono::minutes{minutes == 0 ? 10 : static_cast<int>(minutes)};
}

cache::Retries retries_of(const CommandLine& line) {
  cache::Retries retries;
  // Given are the tries after the first.
  if (line.given("retry"))
    retries.most = 1 + static_cast<int>(std::min(line.number("retry", 0), most_retries));
  retries.pause = line.duration("retry-time", retries.pause);
  return retries;
}

cache::Tuning tuning_of(const CommandLine& line, const Lookup& environment) {
  cache::Tuning tuning;
  const auto flag = environment("FF_USE_PARALLEL_CACHE_TRANSFER").value_or("");
  for (const auto* yes : {"1", "t", "T", "true", "TRUE", "True"})
    tuning.parallel = tuning.parallel || flag == yes;
  tuning.chunk_size =
      std::clamp(line.number("chunk-size", tuning.chunk_size), smallest_chunk, largest_chunk);
  tuning.concurrency = static_cast<unsigned>(std::clamp<std::uint64_t>(
      line.number("concurrency", tuning.concurrency), 1, most_connections));
  tuning.retries = retries_of(line);
  return tuning;
}

/// Before options that variables stand for are looked at.
void load_env_file(const CommandLine& line) {
  if (!line.given("env-file")) return;
  for (const auto& [name, value] : read_env_file(line.text("env-file")))
    ::setenv(name.c_str(), value.c_str(), 1);
}

void refuse_gocloud(const CommandLine& line, std::initializer_list<const char*> names) {
  for (const auto* name : names)
    if (line.given(name))
      throw UsageError{fmt::format("--{} is not supported: use presigned URLs", name)};
}

std::pair<std::string, std::string> header_of(const std::string& text) {
  const auto colon = text.find(':');
  if (colon == 0 || colon == std::string::npos)
    throw UsageError{"--header: expected `NAME: VALUE`"};
  const auto value = text.find_first_not_of(' ', colon + 1);
  return {text.substr(0, colon), value == std::string::npos ? "" : text.substr(value)};
}

std::string lower(std::string text) {
  for (auto& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

cache::Metadata metadata_of(const CommandLine& line) {
  const auto text = line.text("metadata");
  if (text.empty()) return {};
  const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) throw UsageError{"--metadata: expected a JSON object"};
  cache::Metadata metadata;
  for (const auto& [name, value] : json.items()) {
    if (!value.is_string()) throw UsageError{"--metadata: expected texts in the JSON object"};
    metadata[lower(name)] = value.get<std::string>();
  }
  return metadata;
}

}  // namespace

int cache_archiver_command(Words words) {
  const auto environment = environment_lookup();
  const CommandLine line{archiver_options, words, environment};
  load_env_file(line);
  refuse_gocloud(line, {"gocloud-url"});
  cache::ArchiveRequest request;
  request.choice = {std::filesystem::current_path(), line.list("path"), line.list("exclude"),
                    line.flag("untracked")};
  request.file = line.text("file");
  request.alternate_file = line.text("alternate-file");
  request.url = line.text("url");
  request.check_url = line.text("check-url");
  for (const auto& header : line.list("header")) request.headers.push_back(header_of(header));
  request.max_size = line.number("max-uploaded-archive-size", 0);
  request.metadata = metadata_of(line);
  request.timeout = timeout_of(line);
  request.retries = retries_of(line);
  request.level = line.text("compression-level");
  request.format = line.text("compression-format");
  request.lookup = environment;
  return cache::archive_cache(request);
}

int cache_extractor_command(Words words) {
  const auto environment = environment_lookup();
  const CommandLine line{extractor_options, words, environment};
  load_env_file(line);
  refuse_gocloud(line, {"gocloud-url", "alternate-gocloud-url"});
  cache::ExtractRequest request;
  request.project = std::filesystem::current_path();
  request.file = line.text("file");
  request.object = {line.text("url"), line.text("head-url")};
  request.alternate = {line.text("alternate-url"), line.text("alternate-head-url")};
  request.timeout = timeout_of(line);
  request.tuning = tuning_of(line, environment);
  return cache::extract_cache(request);
}

int cache_init_command(Words words) {
  if (words.empty()) {
    log(LogLevel::fatal, "No arguments passed, at least one path is required.");
    return 1;
  }
  for (const auto& path : words)
    if (::chmod(path.c_str(), 0777) != 0)
      log(LogLevel::error, "failed to chmod path",
          {{"error", std::strerror(errno)}, {"path", path}});
  return 0;
}

}  // namespace slipway::helper
