#include "job/artifacts_stage.hpp"

#include "job/stage_json.hpp"

namespace slipway::job {

namespace {

using nlohmann::json;
using stage_json::expect_object;
using stage_json::read;

json of(const CoordinatorAccess& access) {
  return {{"url", access.url},
          {"ca", access.ca},
          {"certificate", access.certificate},
          {"key", access.key}};
}

void read_access(const json& in, CoordinatorAccess& access) {
  const auto member = in.find("coordinator");
  if (member == in.end()) return;
  expect_object(*member);
  read(*member, "url", access.url);
  read(*member, "ca", access.ca);
  read(*member, "certificate", access.certificate);
  read(*member, "key", access.key);
}

json of(const ArtifactProvenance& provenance) {
  return {{"runner_id", provenance.runner_id},           {"repo_url", provenance.repo_url},
          {"repo_digest", provenance.repo_digest},       {"job_name", provenance.job_name},
          {"executor_name", provenance.executor_name},   {"runner_name", provenance.runner_name},
          {"started_at", provenance.started_at},         {"ended_at", provenance.ended_at},
          {"schema_version", provenance.schema_version}, {"parameters", provenance.parameters}};
}

ArtifactProvenance provenance_of(const json& in) {
  expect_object(in);
  ArtifactProvenance provenance;
  read(in, "runner_id", provenance.runner_id);
  read(in, "repo_url", provenance.repo_url);
  read(in, "repo_digest", provenance.repo_digest);
  read(in, "job_name", provenance.job_name);
  read(in, "executor_name", provenance.executor_name);
  read(in, "runner_name", provenance.runner_name);
  read(in, "started_at", provenance.started_at);
  read(in, "ended_at", provenance.ended_at);
  read(in, "schema_version", provenance.schema_version);
  read(in, "parameters", provenance.parameters);
  return provenance;
}

json of(const ArtifactUpload& artifact) {
  json out{{"name", artifact.name},          {"untracked", artifact.untracked},
           {"paths", artifact.paths},        {"exclude", artifact.exclude},
           {"type", artifact.type},          {"format", artifact.format},
           {"expire_in", artifact.expire_in}};
  if (artifact.provenance) out["provenance"] = of(*artifact.provenance);
  return out;
}

ArtifactUpload upload_of(const json& in) {
  expect_object(in);
  ArtifactUpload artifact;
  read(in, "name", artifact.name);
  read(in, "untracked", artifact.untracked);
  read(in, "paths", artifact.paths);
  read(in, "exclude", artifact.exclude);
  read(in, "type", artifact.type);
  read(in, "format", artifact.format);
  read(in, "expire_in", artifact.expire_in);
  if (const auto provenance = in.find("provenance"); provenance != in.end())
    artifact.provenance = provenance_of(*provenance);
  return artifact;
}

json of(const ArtifactSource& source) {
  return {{"job", source.job}, {"token", source.token}, {"name", source.name}};
}

ArtifactSource source_of(const json& in) {
  expect_object(in);
  ArtifactSource source;
  read(in, "job", source.job);
  read(in, "token", source.token);
  read(in, "name", source.name);
  return source;
}

template <class T>
json list_of(const std::vector<T>& items) {
  auto list = json::array();
  for (const auto& item : items) list.push_back(of(item));
  return list;
}

}  // namespace

void to_json(json& out, const UploadArtifactsParameters& p) {
  out = {{"coordinator", of(p.coordinator)},
         {"job", p.job},
         {"token", p.token},
         {"project_dir", p.project_dir},
         {"variables", p.variables},
         {"artifacts", list_of(p.artifacts)}};
}

void from_json(const json& in, UploadArtifactsParameters& p) {
  expect_object(in);
  p = {};
  read_access(in, p.coordinator);
  read(in, "job", p.job);
  read(in, "token", p.token);
  read(in, "project_dir", p.project_dir);
  read(in, "variables", p.variables);
  const auto artifacts = in.find("artifacts");
  if (artifacts == in.end()) return;
  for (const auto& artifact : *artifacts) p.artifacts.push_back(upload_of(artifact));
}

void to_json(json& out, const DownloadArtifactsParameters& p) {
  out = {{"coordinator", of(p.coordinator)},
         {"project_dir", p.project_dir},
         {"builds_dir", p.builds_dir},
         {"variables", p.variables},
         {"sources", list_of(p.sources)}};
}

void from_json(const json& in, DownloadArtifactsParameters& p) {
  expect_object(in);
  p = {};
  read_access(in, p.coordinator);
  read(in, "project_dir", p.project_dir);
  read(in, "builds_dir", p.builds_dir);
  read(in, "variables", p.variables);
  const auto sources = in.find("sources");
  if (sources == in.end()) return;
  for (const auto& source : *sources) p.sources.push_back(source_of(source));
}

}  // namespace slipway::job
