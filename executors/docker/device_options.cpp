#include "executors/docker/device_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "job/failure.hpp"

namespace slipway::executors::docker {

namespace {

using nlohmann::json;

/// As documented an ordinary error of the preparation, not one of the configuration.
[[noreturn]] void fail(const std::string& text) {
  throw job::Failure{job::FailureReason::runner_system_failure, text};
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (true) {
    const auto end = text.find(separator);
    parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

/// One line of CSV: a field that begins with `"` goes to the next single `"`, `""` in it stands for
/// one.
std::optional<std::vector<std::string>> csv_fields(std::string_view text) {
  std::vector<std::string> fields{""};
  bool quoted = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    auto& field = fields.back();
    const char c = text[at];
    if (quoted && c == '"' && at + 1 < text.size() && text[at + 1] == '"') {
      field += text[++at];
    } else if (quoted && c == '"') {
      quoted = false;
      if (at + 1 < text.size() && text[at + 1] != ',') return std::nullopt;
    } else if (quoted || (c != ',' && c != '"')) {
      field += c;
    } else if (c == ',') {
      fields.emplace_back();
    } else if (field.empty()) {
      quoted = true;
    } else {
      return std::nullopt;
    }
  }
  if (quoted) return std::nullopt;
  return fields;
}

/// `all` or a number.
std::optional<std::int64_t> device_count(std::string_view text) {
  if (text == "all") return -1;
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return count;
}

json option_map(const std::string& text) {
  auto options = json::object();
  for (const auto& pair : csv_fields(text).value_or(std::vector<std::string>{})) {
    const auto equals = pair.find('=');
    options[pair.substr(0, equals)] = equals == std::string::npos ? "" : pair.substr(equals + 1);
  }
  return options;
}

}  // namespace

json device_list(const std::vector<std::string>& specs) {
  auto list = json::array();
  for (const auto& spec : specs) {
    const auto parts = split(spec, ':');
    if (parts.size() > 3) fail(fmt::format("device \"{}\": too many colons", spec));
    if (parts[0].empty()) fail(fmt::format("device \"{}\": no path on the host", spec));
    const auto part = [&](std::size_t index, const std::string& fallback) {
      return parts.size() > index && !parts[index].empty() ? parts[index] : fallback;
    };
    list.push_back({{"PathOnHost", parts[0]},
                    {"PathInContainer", part(1, parts[0])},
                    {"CgroupPermissions", part(2, "rwm")}});
  }
  return list;
}

json device_requests(const std::string& key, const std::string& text) {
  const auto bad = [&](const std::string& why) {
    fail(fmt::format("[runners.docker] {}: \"{}\": {}", key, text, why));
  };
  const auto fields = csv_fields(text);
  if (!fields) bad("a quote is out of place");
  json request = json::object();
  auto capabilities = json::array();
  for (const auto& field : *fields) {
    const auto equals = field.find('=');
    auto name = field.substr(0, equals);
    const auto value = equals == std::string::npos ? field : field.substr(equals + 1);
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (equals == std::string::npos) name = "count";
    if (request.contains(name)) bad("a field comes twice");
    if (name == "count") {
      const auto count = device_count(value);
      if (!count) bad("the count is neither a number nor all");
      request["count"] = *count;
    } else if (name == "device") {
      request["device"] = split(value, ',');
    } else if (name == "driver") {
      request["driver"] = value;
    } else if (name == "capabilities") {
      request["capabilities"] = true;
      for (const auto& capability : split(value, ',')) capabilities.push_back(capability);
    } else if (name == "options") {
      request["options"] = option_map(value);
    } else {
      bad("unknown field " + name);
    }
  }
  capabilities.push_back("gpu");
  json out{{"Capabilities", json::array({capabilities})}};
  if (request.contains("driver")) out["Driver"] = request["driver"];
  if (request.contains("device")) out["DeviceIDs"] = request["device"];
  if (request.contains("options")) out["Options"] = request["options"];
  if (request.contains("count")) {
    out["Count"] = request["count"];
  } else if (!request.contains("device")) {
    out["Count"] = 1;
  }
  return json::array({out});
}

}  // namespace slipway::executors::docker
