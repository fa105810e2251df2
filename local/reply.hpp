#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "net/http.hpp"

namespace slipway::local {

/// Answers and small texts shared by the endpoints.
net::Response empty_reply(int status);
net::Response json_reply(int status, const nlohmann::json& body);
/// `{"message":"403 Forbidden"}`, or with `- <detail>` as GitLab writes it.
net::Response message_reply(int status, std::string_view detail = {});

/// The object in `body`; nullopt for anything else.
std::optional<nlohmann::json> parse_object(std::string_view body);
/// A string member, "" when it is missing or no string.
std::string string_member(const nlohmann::json& object, const char* name);

/// Compares in a time that depends only on the lengths. An empty secret matches nothing.
bool same_secret(std::string_view given, std::string_view secret);
/// Random letters and digits from the system's generator.
std::string random_text(std::size_t length);

}  // namespace slipway::local
