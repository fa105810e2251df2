#include "executors/docker/dind_host.hpp"

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <charconv>
#include <fstream>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>

namespace slipway::executors::docker {

namespace {

/// RTF_UP and RTF_REJECT of <linux/route.h>.
constexpr unsigned route_is_up = 0x1;
constexpr unsigned route_rejects = 0x200;
/// Files of a few lines; a host with many routes has them in the beginning.
constexpr std::size_t most_bytes = 1u << 20;
constexpr std::size_t most_resolvers = 3;  ///< MAXNS of <resolv.h>

std::string read_text(const std::filesystem::path& path) {
  std::ifstream file{path};
  std::string text(most_bytes, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  return text;
}

std::vector<std::string> words(const std::string& line) {
  std::istringstream in{line};
  return {std::istream_iterator<std::string>{in}, {}};
}

unsigned hex(const std::string& text) {
  unsigned value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value, 16);
  return value;
}

/// An interface and the metric of a default route through it.
struct Uplink {
  std::string interface;
  unsigned metric = std::numeric_limits<unsigned>::max();

  void consider(const std::string& name, unsigned flags, unsigned cost) {
    if ((flags & route_is_up) == 0 || (flags & route_rejects) != 0 || name == "lo") return;
    if (!interface.empty() && cost >= metric) return;
    interface = name;
    metric = cost;
  }
};

/// `Iface Destination Gateway Flags RefCnt Use Metric Mask …`, addresses in hex, metric decimal.
Uplink ipv4_uplink(const std::string& table) {
  Uplink best;
  std::istringstream in{table};
  for (std::string line; std::getline(in, line);) {
    const auto fields = words(line);
    if (fields.size() < 8 || fields[1] != "00000000" || fields[7] != "00000000") continue;
    unsigned metric = 0;
    std::from_chars(fields[6].data(), fields[6].data() + fields[6].size(), metric);
    best.consider(fields[0], hex(fields[3]), metric);
  }
  return best;
}

/// `destination prefix source prefix next-hop metric refcnt use flags Iface`, all in hex.
Uplink ipv6_uplink(const std::string& table) {
  Uplink best;
  std::istringstream in{table};
  for (std::string line; std::getline(in, line);) {
    const auto fields = words(line);
    if (fields.size() < 10 || fields[1] != "00" ||
        fields[0].find_first_not_of('0') != std::string::npos)
      continue;
    best.consider(fields[9], hex(fields[8]), hex(fields[5]));
  }
  return best;
}

int mtu_of(const HostFiles& files, const std::string& interface) {
  if (interface.empty() || interface.find('/') != std::string::npos) return 0;
  int mtu = 0;
  std::ifstream{files.interfaces / interface / "mtu"} >> mtu;
  return std::max(mtu, 0);
}

/// Those of one file; what stays on the host or needs an interface's name is of no use elsewhere.
std::vector<std::string> reachable_resolvers(const std::filesystem::path& path) {
  std::vector<std::string> list;
  std::istringstream in{read_text(path)};
  for (std::string line; std::getline(in, line) && list.size() < most_resolvers;) {
    const auto fields = words(line);
    if (fields.size() < 2 || fields[0] != "nameserver") continue;
    boost::system::error_code error;
    const auto address = boost::asio::ip::make_address(fields[1], error);
    if (error || address.is_loopback() || address.is_unspecified()) continue;
    if (address.is_v6() && address.to_v6().is_link_local()) continue;
    list.push_back(address.to_string());
  }
  return list;
}

}  // namespace

int uplink_mtu(const HostFiles& files) {
  const auto ipv4 = mtu_of(files, ipv4_uplink(read_text(files.routes)).interface);
  const auto ipv6 = mtu_of(files, ipv6_uplink(read_text(files.ipv6_routes)).interface);
  if (ipv4 == 0 || ipv6 == 0) return std::max(ipv4, ipv6);
  return std::min(ipv4, ipv6);
}

std::vector<std::string> host_resolvers(const HostFiles& files) {
  auto list = reachable_resolvers(files.resolvers);
  return list.empty() ? reachable_resolvers(files.real_resolvers) : list;
}

std::optional<std::set<std::string>> daemon_file_keys(const std::filesystem::path& file) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(file, error)) return std::nullopt;
  const auto text = read_text(file);
  const auto parsed = nlohmann::json::parse(text, nullptr, false);
  if (!parsed.is_object()) return std::nullopt;
  std::set<std::string> keys;
  for (const auto& [key, value] : parsed.items()) keys.insert(key);
  return keys;
}

std::optional<std::set<std::string>> mounted_daemon_keys(
    const std::vector<DaemonFileMount>& mounts) {
  const auto shows = std::max_element(
      mounts.begin(), mounts.end(),
      [](const auto& a, const auto& b) { return a.destination.size() < b.destination.size(); });
  if (shows == mounts.end()) return std::set<std::string>{};
  if (shows->source.empty()) return std::nullopt;
  const auto below = daemon_file.substr(shows->destination == "/" ? 0 : shows->destination.size());
  if (below.empty()) return daemon_file_keys(shows->source);
  const auto file = shows->source / below.substr(1);
  std::error_code error;
  const auto status = std::filesystem::symlink_status(file, error);
  // A directory may be mounted for something else in it.
  if (status.type() == std::filesystem::file_type::not_found) return std::set<std::string>{};
  return daemon_file_keys(file);
}

}  // namespace slipway::executors::docker
