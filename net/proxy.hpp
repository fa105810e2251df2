#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "net/endpoint.hpp"

namespace slipway::net {

/// Which proxy the environment names for which URL: HTTP_PROXY, HTTPS_PROXY and NO_PROXY, each also
/// in lower case (the upper one wins). What is on this host (`localhost`, loopback addresses) is
/// never asked of a proxy.
///
/// NO_PROXY is a list, separated by commas: `*` (no proxies at all), a name (`example.org`: it and
/// what is below it; `.example.org`: only what is below), an address, or a CIDR range; each but the
/// range may end in `:port`.
class ProxySettings {
 public:
  /// Value of a variable; nullopt = not set.
  using Environment = std::function<std::optional<std::string>(const char* name)>;

  /// No proxies.
  ProxySettings() = default;
  explicit ProxySettings(const Environment& environment);
  /// The environment of this process, as it is now.
  static ProxySettings of_process();

  /// nullopt: straight to the peer. \throws Error with Step::connect when the variable does not
  /// hold an address that can be used; its text shows no credentials.
  std::optional<Proxy> proxy_for(const Url& url) const;

 private:
  bool goes_straight(const Url& url) const;

  std::string http_;
  std::string https_;
  std::vector<std::string> exceptions_;  ///< NO_PROXY, lower case
};

/// The value of Proxy-Authorization; "" without credentials.
std::string proxy_authorization(const Proxy& proxy);

}  // namespace slipway::net
