#include "gitlab_api/error_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

namespace slipway::gitlab_api {

namespace {

constexpr std::size_t message_limit = 1024;
constexpr std::size_t reason_limit = 64;

/// Length of the UTF-8 sequence that begins at `at`, 0 when it is broken.
std::size_t sequence_length(std::string_view text, std::size_t at) {
  const auto first = static_cast<unsigned char>(text[at]);
  const std::size_t length = first < 0x80    ? 1
                             : first < 0xC2  ? 0
                             : first < 0xE0  ? 2
                             : first < 0xF0  ? 3
                             : first <= 0xF4 ? 4
                                             : 0;
  if (length == 0 || at + length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((static_cast<unsigned char>(text[at + i]) & 0xC0) != 0x80) return 0;
  return length;
}

void hide(std::string& text, const std::string& secret) {
  if (secret.empty()) return;
  constexpr std::string_view mask = "[MASKED]";
  for (auto at = text.find(secret); at != std::string::npos;
       at = text.find(secret, at + mask.size()))
    text.replace(at, secret.size(), mask);
}

std::string join_arrays(const nlohmann::json& object) {
  std::string joined;
  for (const auto& [key, values] : object.items()) {
    if (!values.is_array()) return "";
    std::string list;
    for (const auto& value : values) {
      if (!value.is_string()) continue;
      if (!list.empty()) list += "; ";
      list += value.get_ref<const std::string&>();
    }
    joined += fmt::format("{}{}: {}", joined.empty() ? "" : ", ", key, list);
  }
  return joined;
}

bool is_xml(const net::Headers& headers) {
  const auto type = net::media_type(headers.get("Content-Type"));
  return type == "application/xml" || type == "text/xml";
}

/// What stands between `<name>` and `</name>`, with the five named entities resolved.
std::string element(std::string_view xml, const std::string& name) {
  const auto open = "<" + name + ">";
  const auto begin = xml.find(open);
  if (begin == std::string_view::npos) return "";
  const auto rest = xml.substr(begin + open.size());
  const auto end = rest.find("</" + name + ">");
  if (end == std::string_view::npos) return "";
  std::string text{rest.substr(0, end)};
  for (const auto& [entity, character] :
       {std::pair{"&lt;", "<"}, std::pair{"&gt;", ">"}, std::pair{"&quot;", "\""},
        std::pair{"&apos;", "'"}, std::pair{"&amp;", "&"}}) {
    const std::string_view from{entity};
    for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + 1))
      text.replace(at, from.size(), character);
  }
  return text;
}

/// An object store's `<Error><Code>…</Code><Message>…</Message></Error>`.
std::string xml_message(std::string_view body) {
  const auto code = element(body, "Code");
  const auto message = element(body, "Message");
  if (body.find("<Error>") == std::string_view::npos) return "";
  return code.empty() || message.empty() ? code + message : code + ": " + message;
}

}  // namespace

std::string printable(std::string_view text, std::size_t limit,
                      const std::vector<std::string>& secrets) {
  std::string hidden{text};
  for (const auto& secret : secrets) hide(hidden, secret);
  std::string out;
  for (std::size_t at = 0; at < hidden.size();) {
    const auto length = sequence_length(hidden, at);
    const auto first = static_cast<unsigned char>(hidden[at]);
    const bool control = first < 0x20 || first == 0x7F;
    if (out.size() + std::max<std::size_t>(length, 1) > limit) return out + "…";
    out += length == 0 ? "?" : control ? " " : hidden.substr(at, length);
    at += std::max<std::size_t>(length, 1);
  }
  return out;
}

std::string error_message(const net::Headers& headers, std::string_view body) {
  if (is_xml(headers)) return xml_message(body);
  if (net::media_type(headers.get("Content-Type")) != "application/json") return "";
  const auto json = nlohmann::json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return "";
  const auto message = json.find("message");
  if (message == json.end()) return "";
  if (message->is_string()) return message->get<std::string>();
  return message->is_object() ? join_arrays(*message) : "";
}

std::string status_text(int status, std::string_view reason, const net::Headers& headers,
                        std::string_view body, const std::vector<std::string>& secrets) {
  auto words =
      printable(reason.empty() ? net::reason_phrase(status) : reason, reason_limit, secrets);
  const auto head = words.empty() ? fmt::format("{}", status) : fmt::format("{} {}", status, words);
  const bool success = status >= 200 && status < 300;
  const auto message =
      success ? "" : printable(error_message(headers, body), message_limit, secrets);
  if (message.empty() || message == head || message == words) return head;
  return fmt::format("{} ({})", head, message);
}

}  // namespace slipway::gitlab_api
