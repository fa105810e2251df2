#include "local/artifacts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>
#include <optional>

#include "local/reply.hpp"

namespace slipway::local {

namespace {

constexpr std::size_t max_artifacts = 100;
constexpr std::size_t max_filename = 255;
constexpr std::size_t max_part_head = 16u << 10;

std::string lower(std::string_view text) {
  std::string result{text};
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

/// `name="value"` or `name=value` within a header value; nullopt when it is not there.
std::optional<std::string> parameter(std::string_view header, std::string_view name) {
  const auto folded = lower(header);
  const auto wanted = std::string{name} + "=";
  for (auto at = folded.find(wanted); at != std::string::npos; at = folded.find(wanted, at + 1)) {
    // `filename=` ends in `name=`: only a whole name counts.
    if (at == 0 || (header[at - 1] != ' ' && header[at - 1] != ';' && header[at - 1] != '\t'))
      continue;
    auto value = header.substr(at + wanted.size());
    if (value.starts_with('"')) {
      value.remove_prefix(1);
      return std::string{value.substr(0, value.find('"'))};
    }
    return std::string{value.substr(0, value.find_first_of("; \t"))};
  }
  return std::nullopt;
}

/// The value of a field in a part's header block, "" when it is missing.
std::string_view part_field(std::string_view head, std::string_view name) {
  while (!head.empty()) {
    const auto end = std::min(head.find("\r\n"), head.size());
    const auto line = head.substr(0, end);
    const auto colon = line.find(':');
    if (colon != std::string_view::npos && lower(line.substr(0, colon)) == name)
      return line.substr(colon + 1);
    head.remove_prefix(std::min(end + 2, head.size()));
  }
  return {};
}

struct FilePart {
  std::string filename;
  std::string_view content;
};

std::optional<FilePart> find_file(std::string_view body, const std::string& boundary) {
  const auto mark = "--" + boundary;
  auto at = body.find(mark);
  while (at != std::string_view::npos) {
    auto rest = body.substr(at + mark.size());
    if (!rest.starts_with("\r\n")) return std::nullopt;
    rest.remove_prefix(2);
    const auto head_end = rest.substr(0, max_part_head).find("\r\n\r\n");
    if (head_end == std::string_view::npos) return std::nullopt;
    const auto disposition = part_field(rest.substr(0, head_end), "content-disposition");
    const auto content = rest.substr(head_end + 4);
    const auto end = content.find("\r\n" + mark);
    if (end == std::string_view::npos) return std::nullopt;
    if (parameter(disposition, "name") == "file")
      return FilePart{parameter(disposition, "filename").value_or(""), content.substr(0, end)};
    at = static_cast<std::size_t>(content.data() - body.data()) + end + 2;
  }
  return std::nullopt;
}

/// The last path component without anything that could break a header or a path; "artifacts" when
/// nothing is left.
std::string safe_filename(std::string_view name) {
  name = name.substr(name.find_last_of("/\\") + 1);
  std::string result;
  for (const char c : name)
    if (static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != 0x7f) result += c;
  result.resize(std::min(result.size(), max_filename));
  return result.empty() || result == "." || result == ".." ? "artifacts" : result;
}

}  // namespace

net::Response store_artifact(JobRecord& job, const net::Request& head, std::string_view body) {
  if (is_final(job.state)) return message_reply(403, "the job is over");
  const auto type = head.headers.get("Content-Type");
  const auto boundary = parameter(type, "boundary");
  if (net::media_type(type) != "multipart/form-data" || !boundary || boundary->empty())
    return message_reply(400, "no multipart/form-data");
  const auto file = find_file(body, *boundary);
  if (!file) return message_reply(400, "no part named file");
  if (job.artifacts.size() >= max_artifacts) return message_reply(400, "too many artifacts");
  const auto query = [&head](std::string_view name) {
    return net::query_parameter(head.target, name).value_or("");
  };
  job.artifacts.push_back({safe_filename(file->filename), query("artifact_type"),
                           query("artifact_format"), query("expire_in"),
                           std::string{file->content}});
  return message_reply(201);
}

net::Response send_artifact(const JobRecord& job) {
  const auto archive = std::find_if(
      job.artifacts.rbegin(), job.artifacts.rend(),
      [](const ArtifactFile& file) { return file.type.empty() || file.type == "archive"; });
  if (archive == job.artifacts.rend()) return message_reply(404);
  auto reply = empty_reply(200);
  reply.headers.set("Content-Type", "application/octet-stream");
  reply.headers.set("Content-Disposition",
                    fmt::format("attachment; filename=\"{}\"", archive->filename));
  reply.body = archive->content;
  return reply;
}

}  // namespace slipway::local
