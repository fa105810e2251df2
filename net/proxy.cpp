#include "net/proxy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/network_v4.hpp>
#include <boost/asio/ip/network_v6.hpp>
#include <charconv>
#include <cstdlib>

#include "net/error.hpp"
#include "net/http.hpp"
#include "net/text.hpp"
#include "util/asio_fwd.hpp"
#include "util/base64.hpp"

namespace slipway::net {

namespace {

using asio::ip::address;
using boost::system::error_code;

std::string lowered(std::string_view text) {
  std::string out{text};
  std::ranges::transform(out, out.begin(), lower);
  return out;
}

std::optional<address> parse_address(const std::string& text) {
  error_code error;
  auto parsed = asio::ip::make_address(text, error);
  if (error) return std::nullopt;
  if (parsed.is_v6() && parsed.to_v6().is_v4_mapped())
    return asio::ip::make_address_v4(asio::ip::v4_mapped, parsed.to_v6());
  return parsed;
}

bool in_range(const address& host, const std::string& range) {
  error_code error;
  if (host.is_v4()) {
    const auto network = asio::ip::make_network_v4(range, error);
    if (error) return false;
    const auto mask = network.netmask().to_uint();
    return (host.to_v4().to_uint() & mask) == (network.address().to_uint() & mask);
  }
  const auto network = asio::ip::make_network_v6(range, error);
  if (error) return false;
  const asio::ip::network_v6 own{host.to_v6(), network.prefix_length()};
  return own.canonical() == network.canonical();
}

/// `name:port`, `1.2.3.4:port`, `[v6]:port` → the part before and the port; without one: 0.
std::pair<std::string, std::uint16_t> split_port(const std::string& entry) {
  const auto colon = entry.rfind(':');
  const bool bracketed = entry.starts_with('[');
  if (colon == std::string::npos || (!bracketed && entry.find(':') != colon) ||
      (bracketed && entry.ends_with(']')))
    return {bracketed && entry.ends_with(']') ? entry.substr(1, entry.size() - 2) : entry, 0};
  std::uint16_t port = 0;
  const auto* const end = entry.data() + entry.size();
  const auto [stop, error] = std::from_chars(entry.data() + colon + 1, end, port);
  if (error != std::errc{} || stop != end) return {entry, 0};
  auto host = entry.substr(0, colon);
  if (bracketed && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return {std::move(host), port};
}

bool names(const std::string& entry, const std::string& host, const std::optional<address>& ip,
           std::uint16_t port) {
  if (entry.find('/') != std::string::npos) return ip && in_range(*ip, entry);
  auto [name, only_port] = split_port(entry);
  if (only_port != 0 && only_port != port) return false;
  if (const auto exact = parse_address(name)) return ip == exact;
  if (ip || name.empty()) return false;
  if (name.starts_with("*.")) name.erase(0, 1);
  if (name.starts_with('.')) return host.ends_with(name);
  return host == name || host.ends_with("." + name);
}

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> entries;
  while (!text.empty()) {
    const auto end = std::min(text.find(','), text.size());
    if (auto entry = lowered(trim(text.substr(0, end))); !entry.empty())
      entries.push_back(std::move(entry));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return entries;
}

Proxy parse_proxy(const std::string& text, const char* variable) {
  const auto refuse = [variable](const char* why) {
    throw Error{Step::connect, fmt::format("the proxy in {} cannot be used: {}", variable, why)};
  };
  if (const auto scheme = text.find("://"); scheme != std::string::npos) {
    if (!same_name(text.substr(0, scheme), "http")) refuse("only http:// proxies are supported");
  }
  const auto url = parse_url(text.find("://") == std::string::npos ? "http://" + text : text);
  if (!url) refuse("it is not the address of a host");
  auto credentials = percent_decode(url->userinfo);
  if (!credentials.empty() && credentials.find(':') == std::string::npos) credentials += ':';
  return {url->host, url->port, std::move(credentials)};
}

}  // namespace

ProxySettings::ProxySettings(const Environment& environment) {
  const auto either = [&](const char* upper, const char* lower) {
    const auto value = environment(upper);
    return std::string{trim(value && !value->empty() ? *value : environment(lower).value_or(""))};
  };
  http_ = either("HTTP_PROXY", "http_proxy");
  https_ = either("HTTPS_PROXY", "https_proxy");
  exceptions_ = split_list(either("NO_PROXY", "no_proxy"));
}

ProxySettings ProxySettings::of_process() {
  return ProxySettings{[](const char* name) -> std::optional<std::string> {
    const char* value = std::getenv(name);
    if (value == nullptr) return std::nullopt;
    return value;
  }};
}

bool ProxySettings::goes_straight(const Url& url) const {
  auto host = lowered(url.host);
  if (host.ends_with('.')) host.pop_back();
  const auto ip = parse_address(host);
  if (host == "localhost" || (ip && ip->is_loopback())) return true;
  return std::ranges::any_of(exceptions_, [&](const std::string& entry) {
    return entry == "*" || names(entry, host, ip, url.port);
  });
}

std::optional<Proxy> ProxySettings::proxy_for(const Url& url) const {
  const bool secure = url.scheme == Endpoint::Scheme::https;
  const auto& text = secure ? https_ : http_;
  if (text.empty() || goes_straight(url)) return std::nullopt;
  return parse_proxy(text, secure ? "HTTPS_PROXY" : "HTTP_PROXY");
}

std::string proxy_authorization(const Proxy& proxy) {
  return proxy.credentials.empty() ? "" : "Basic " + util::encode_base64(proxy.credentials);
}

}  // namespace slipway::net
