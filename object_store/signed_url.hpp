#pragma once

#include <chrono>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway::object_store {

using Headers = std::vector<std::pair<std::string, std::string>>;

/// For how long an address holds.
struct Validity {
  std::chrono::sys_seconds from;
  std::chrono::seconds length{3600};
};

/// An address that needs no further credentials, for one method on one object. Who uses it must
/// send `headers` exactly; `Host` is not among them.
struct SignedUrl {
  std::string url;
  Headers headers;
};

/// The configuration of a store cannot be used. No secret is in the text.
class StoreError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// What may stand in a header: other bytes, `%` and double or outer spaces as `%XX`, since signers
/// and servers do not agree on those.
std::string header_text(std::string_view text);

}  // namespace slipway::object_store
