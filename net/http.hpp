#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway::net {

/// Header fields in order; names compare without case.
class Headers {
 public:
  Headers() = default;
  Headers(std::initializer_list<std::pair<std::string, std::string>> fields) : fields_{fields} {}

  void add(std::string name, std::string value);
  /// Replaces every field of that name.
  void set(std::string name, std::string value);
  void remove(std::string_view name);
  /// The first value of that name.
  std::optional<std::string> find(std::string_view name) const;
  /// The first value, or "".
  std::string get(std::string_view name) const { return find(name).value_or(""); }
  const std::vector<std::pair<std::string, std::string>>& fields() const { return fields_; }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

/// One request. `target` is path and query as sent on the wire (already percent-encoded). Host,
/// Content-Length and Transfer-Encoding are the connection's business and must not be given.
struct Request {
  std::string method = "GET";
  std::string target = "/";
  Headers headers;
  std::string body;
};

/// One whole answer; 1xx are skipped.
struct Response {
  int status = 0;
  std::string reason;
  Headers headers;
  std::string body;
};

/// The standard phrase of a status, "" for an unknown one.
std::string_view reason_phrase(int status);

/// The media type of a Content-Type value, lower case, without parameters.
std::string media_type(std::string_view content_type);

/// Percent-encodes everything but unreserved characters (RFC 3986 §2.3).
std::string percent_encode(std::string_view text);
/// Decodes %XX; a malformed escape stays as it is. `plus_is_space` for query values.
std::string percent_decode(std::string_view text, bool plus_is_space = false);
/// The value of a query parameter of `target`, decoded.
std::optional<std::string> query_parameter(std::string_view target, std::string_view name);

}  // namespace slipway::net
