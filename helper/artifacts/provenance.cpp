#include "helper/artifacts/provenance.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>
#include <filesystem>
#include <memory>
#include <new>
#include <nlohmann/json.hpp>

#include "helper/archive/source_entry.hpp"
#include "helper/archive/source_file.hpp"
#include "helper/log.hpp"

namespace slipway::helper {

namespace {

using nlohmann::ordered_json;

struct FreeDigest {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

std::string sha256(const archive::SourceFile& file) {
  const std::unique_ptr<EVP_MD_CTX, FreeDigest> context{EVP_MD_CTX_new()};
  if (!context || EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) != 1)
    throw std::bad_alloc{};
  for (std::uint64_t offset = 0;;) {
    const auto piece = file.read(offset, archive::piece_size);
    if (piece.empty()) break;
    EVP_DigestUpdate(context.get(), piece.data(), piece.size());
    offset += piece.size();
  }
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_DigestFinal_ex(context.get(), digest.data(), &size);
  std::string text;
  for (unsigned i = 0; i < size; ++i) text += fmt::format("{:02x}", digest[i]);
  return text;
}

/// Directories, links and what has gone meanwhile are no subjects.
ordered_json subjects(const archive::Root& project, const archive::PathList& files) {
  auto result = ordered_json::array();
  for (const auto path : files) {
    const auto entry = archive::look_at(project, path, [](const std::string&) {});
    if (!entry || !S_ISREG(entry->status.st_mode)) continue;
    const auto file = archive::SourceFile::find(project, path);
    if (!file) continue;
    result.push_back({{"name", std::string{path}}, {"digest", {{"sha256", sha256(*file)}}}});
  }
  return result;
}

ordered_json definition(const ProvenanceOf& job) {
  const auto& facts = job.facts;
  auto external = ordered_json::object();
  // Which variables there were, never their values.
  for (const auto& name : facts.parameters) external[name] = "";
  external["entryPoint"] = facts.job_name;
  external["source"] = facts.repo_url;
  const ordered_json source{{"uri", facts.repo_url}, {"digest", {{"sha256", facts.repo_digest}}}};
  return {{"buildType", "https://gitlab.com/gitlab-org/gitlab-runner/-/blob/main/PROVENANCE.md"},
          {"externalParameters", std::move(external)},
          {"internalParameters",
           {{"name", facts.runner_name},
            {"executor", facts.executor_name},
            {"architecture", "amd64"},
            {"job", std::to_string(job.job)}}},
          {"resolvedDependencies", ordered_json::array({source})}};
}

ordered_json run_details(const ProvenanceOf& job) {
  auto url = job.coordinator;
  while (url.ends_with('/')) url.pop_back();
  return {{"builder",
           {{"id", fmt::format("{}/-/runners/{}", url, job.facts.runner_id)},
            {"version", {{"slipway", SLIPWAY_VERSION}}}}},
          {"metadata",
           {{"invocationID", std::to_string(job.job)},
            {"startedOn", job.facts.started_at},
            {"finishedOn", job.facts.ended_at}}}};
}

}  // namespace

std::string provenance_file_name(const std::string& artifact_name) {
  const auto base = std::filesystem::path{artifact_name}.filename().string();
  const bool none = base.empty() || base == "." || base == "..";
  return (none ? "artifacts" : base) + "-metadata.json";
}

std::string provenance_statement(const ProvenanceOf& job, const archive::Root& project,
                                 const archive::PathList& files) {
  const auto& version = job.facts.schema_version;
  if (!version.empty() && version != "v1")
    log(LogLevel::warning,
        fmt::format("unknown SLSA provenance version \"{}\", using v1", version));
  const ordered_json statement{
      {"_type", "https://in-toto.io/Statement/v0.1"},
      {"predicateType", "https://slsa.dev/provenance/v1"},
      {"subject", subjects(project, files)},
      {"predicate", {{"buildDefinition", definition(job)}, {"runDetails", run_details(job)}}}};
  return statement.dump(1, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace slipway::helper
