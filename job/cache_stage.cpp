#include "job/cache_stage.hpp"

#include "job/stage_json.hpp"

namespace slipway::job {

namespace {

using nlohmann::json;
using stage_json::expect_object;
using stage_json::read;

template <class T, class Of>
json list_of(const std::vector<T>& items, Of of) {
  auto list = json::array();
  for (const auto& item : items) list.push_back(of(item));
  return list;
}

template <class T, class ReadItem>
void read_list(const json& in, const char* key, std::vector<T>& items, ReadItem read_item) {
  const auto list = in.find(key);
  if (list == in.end()) return;
  for (const auto& item : *list) {
    expect_object(item);
    read_item(item, items.emplace_back());
  }
}

json of_note(const CacheNote& note) {
  return {{"warning", note.warning}, {"text", note.text}};
}
void read_note(const json& in, CacheNote& note) {
  read(in, "warning", note.warning);
  read(in, "text", note.text);
}

json of_object(const CacheObject& object) {
  return {{"url", object.url}, {"head_url", object.head_url}};
}
void read_object(const json& in, const char* key, CacheObject& object) {
  const auto member = in.find(key);
  if (member == in.end()) return;
  expect_object(*member);
  read(*member, "url", object.url);
  read(*member, "head_url", object.head_url);
}

json of_candidate(const CacheCandidate& candidate) {
  return {{"key", candidate.key},
          {"file", candidate.file},
          {"object", of_object(candidate.object)},
          {"alternate", of_object(candidate.alternate)}};
}
void read_candidate(const json& in, CacheCandidate& candidate) {
  read(in, "key", candidate.key);
  read(in, "file", candidate.file);
  read_object(in, "object", candidate.object);
  read_object(in, "alternate", candidate.alternate);
}

json of_restore(const CacheRestore& cache) {
  return {{"notes", list_of(cache.notes, of_note)},
          {"candidates", list_of(cache.candidates, of_candidate)},
          {"paths", cache.paths}};
}
void read_restore(const json& in, CacheRestore& cache) {
  read_list(in, "notes", cache.notes, read_note);
  read_list(in, "candidates", cache.candidates, read_candidate);
  read(in, "paths", cache.paths);
}

json of_save(const CacheSave& cache) {
  return {{"notes", list_of(cache.notes, of_note)},
          {"key", cache.key},
          {"file", cache.file},
          {"alternate_file", cache.alternate_file},
          {"paths", cache.paths},
          {"untracked", cache.untracked},
          {"url", cache.url},
          {"check_url", cache.check_url},
          {"headers", cache.headers},
          {"max_size", cache.max_size}};
}
void read_save(const json& in, CacheSave& cache) {
  read_list(in, "notes", cache.notes, read_note);
  read(in, "key", cache.key);
  read(in, "file", cache.file);
  read(in, "alternate_file", cache.alternate_file);
  read(in, "paths", cache.paths);
  read(in, "untracked", cache.untracked);
  read(in, "url", cache.url);
  read(in, "check_url", cache.check_url);
  read(in, "headers", cache.headers);
  read(in, "max_size", cache.max_size);
}

}  // namespace

void to_json(json& out, const RestoreCacheParameters& p) {
  out = {{"project_dir", p.project_dir},
         {"variables", p.variables},
         {"timeout", p.timeout},
         {"clean_up_failed", p.clean_up_failed},
         {"caches", list_of(p.caches, of_restore)}};
}

void from_json(const json& in, RestoreCacheParameters& p) {
  expect_object(in);
  p = {};
  read(in, "project_dir", p.project_dir);
  read(in, "variables", p.variables);
  read(in, "timeout", p.timeout);
  read(in, "clean_up_failed", p.clean_up_failed);
  read_list(in, "caches", p.caches, read_restore);
}

void to_json(json& out, const SaveCacheParameters& p) {
  out = {{"project_dir", p.project_dir},
         {"variables", p.variables},
         {"timeout", p.timeout},
         {"caches", list_of(p.caches, of_save)}};
}

void from_json(const json& in, SaveCacheParameters& p) {
  expect_object(in);
  p = {};
  read(in, "project_dir", p.project_dir);
  read(in, "variables", p.variables);
  read(in, "timeout", p.timeout);
  read_list(in, "caches", p.caches, read_save);
}

}  // namespace slipway::job
