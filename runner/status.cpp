#include "runner/status.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace slipway::runner {

namespace {

using nlohmann::json;

constexpr int format_version = 1;
constexpr std::size_t most_entries = 1000;

json one(const Status::Job& job) {
  return {{"key", job.key},     {"job", job.id},      {"project", job.project},
          {"phase", job.phase}, {"since", job.since}, {"adopted", job.adopted}};
}

json one(const Status::Undelivered& job) {
  return {{"key", job.key},     {"job", job.id},      {"project", job.project},
          {"state", job.state}, {"since", job.since}, {"last_error", job.last_error}};
}

json one(const Status::Object& object) {
  return {{"kind", object.kind},
          {"id", object.id},
          {"job", object.job},
          {"tries", object.tries},
          {"last_error", object.last_error}};
}

template <class Entry>
json list(const std::vector<Entry>& entries) {
  auto out = json::array();
  for (const auto& entry : entries) {
    if (out.size() == most_entries) break;
    out.push_back(one(entry));
  }
  return out;
}

/// Members that are absent or of another type keep their default.
template <class T>
void read(const json& object, const char* key, T& value) {
  const auto found = object.find(key);
  if (found == object.end()) return;
  try {
    value = found->get<T>();
  } catch (const json::exception&) {
    value = T{};
  }
}

void read_entry(const json& entry, Status::Job& job) {
  read(entry, "key", job.key);
  read(entry, "job", job.id);
  read(entry, "project", job.project);
  read(entry, "phase", job.phase);
  read(entry, "since", job.since);
  read(entry, "adopted", job.adopted);
}

void read_entry(const json& entry, Status::Undelivered& job) {
  read(entry, "key", job.key);
  read(entry, "job", job.id);
  read(entry, "project", job.project);
  read(entry, "state", job.state);
  read(entry, "since", job.since);
  read(entry, "last_error", job.last_error);
}

void read_entry(const json& entry, Status::Object& object) {
  read(entry, "kind", object.kind);
  read(entry, "id", object.id);
  read(entry, "job", object.job);
  read(entry, "tries", object.tries);
  read(entry, "last_error", object.last_error);
}

template <class Entry>
void read_list(const json& object, const char* key, std::vector<Entry>& entries) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_array()) return;
  for (const auto& entry : *found)
    if (entry.is_object()) read_entry(entry, entries.emplace_back());
}

void read_disk(const json& object, std::optional<Status::Disk>& disk) {
  const auto found = object.find("disk");
  if (found == object.end() || !found->is_object()) return;
  disk.emplace();
  read(*found, "path", disk->path);
  read(*found, "total_bytes", disk->total_bytes);
  read(*found, "free_bytes", disk->free_bytes);
  read(*found, "freed_bytes", disk->freed_bytes);
  read(*found, "polling_paused", disk->polling_paused);
}

}  // namespace

std::string to_json(const Status& status) {
  json out{{"format", format_version},
           {"pid", status.pid},
           {"version", status.version},
           {"started", status.started},
           {"state", status.state},
           {"jobs", list(status.jobs)},
           {"undelivered", list(status.undelivered)},
           {"reaper",
            {{"pending", status.reaper_pending},
             {"failures", status.reaper_failures},
             {"objects", list(status.objects)}}}};
  if (status.disk)
    out["disk"] = {{"path", status.disk->path},
                   {"total_bytes", status.disk->total_bytes},
                   {"free_bytes", status.disk->free_bytes},
                   {"freed_bytes", status.disk->freed_bytes},
                   {"polling_paused", status.disk->polling_paused}};
  // What an Engine or a coordinator said need not be UTF-8.
  return out.dump(2, ' ', /*ensure_ascii=*/false, json::error_handler_t::replace) + "\n";
}

Status parse_status(std::string_view text) {
  const auto object = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) throw std::runtime_error{"it is not a JSON object"};
  int format = 0;
  read(object, "format", format);
  if (format < 1) throw std::runtime_error{"it has no format number"};
  if (format > format_version)
    throw std::runtime_error{
        fmt::format("its format {} is of a later version of this program", format)};
  Status status;
  read(object, "pid", status.pid);
  read(object, "version", status.version);
  read(object, "started", status.started);
  read(object, "state", status.state);
  read_list(object, "jobs", status.jobs);
  read_list(object, "undelivered", status.undelivered);
  if (const auto reaper = object.find("reaper"); reaper != object.end() && reaper->is_object()) {
    read(*reaper, "pending", status.reaper_pending);
    read(*reaper, "failures", status.reaper_failures);
    read_list(*reaper, "objects", status.objects);
  }
  read_disk(object, status.disk);
  return status;
}

}  // namespace slipway::runner
