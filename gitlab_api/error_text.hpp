#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "net/http.hpp"

namespace slipway::gitlab_api {

/// `text` made fit for one log line: control characters and broken UTF-8 replaced, at most `limit`
/// bytes, and every one of `secrets` hidden, since a server may echo what it was sent.
std::string printable(std::string_view text, std::size_t limit,
                      const std::vector<std::string>& secrets = {});

/// The server's explanation: `message` of a JSON body when it is a string, an object of arrays
/// joined as `key: a; b, key2: c`; `<Code>: <Message>` of an object store's XML; else "".
std::string error_message(const net::Headers& headers, std::string_view body);

/// `403 Forbidden (message)`; the parenthesis is left out when there is no message or it repeats
/// the status.
std::string status_text(int status, std::string_view reason, const net::Headers& headers,
                        std::string_view body, const std::vector<std::string>& secrets);

}  // namespace slipway::gitlab_api
