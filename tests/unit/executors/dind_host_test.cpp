#include "executors/docker/dind_host.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include <fstream>

#include "executors/docker/dind_certificates.hpp"

namespace slipway::executors::docker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class DindHostFiles : public testing::Test {
 protected:
  void SetUp() override {
    root_ = std::filesystem::temp_directory_path() /
            ("slipway-dind-host-" + std::to_string(::getpid()));
    std::filesystem::create_directories(root_);
    files.routes = root_ / "route";
    files.ipv6_routes = root_ / "ipv6_route";
    files.interfaces = root_ / "net";
    files.resolvers = root_ / "resolv.conf";
    files.real_resolvers = root_ / "real.conf";
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  static void write(const std::filesystem::path& path, const std::string& text) {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream{path} << text;
  }
  void interface(const std::string& name, int mtu) {
    write(files.interfaces / name / "mtu", std::to_string(mtu) + "\n");
  }
  std::filesystem::path path(const char* name) const { return root_ / name; }

  HostFiles files;

 private:
  std::filesystem::path root_;
};

const std::string heading =
    "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n";
const std::string via_wg = "wg0\t00000000\t0102A8C0\t0003\t0\t0\t50\t00000000\t0\t0\t0\n";
const std::string via_eth = "eth0\t00000000\t0102A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n";
const std::string local_net = "eth0\t0002A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n";
const std::string zeros(32, '0');

std::string ipv6_default(const std::string& metric, const std::string& flags,
                         const std::string& name) {
  return zeros + " 00 " + zeros + " 00 fe800000000000000000000000000001 " + metric +
         " 00000001 00000000 " + flags + "     " + name + "\n";
}

TEST_F(DindHostFiles, UplinkIsThatOfTheDefaultRoute) {
  interface("eth0", 1450);
  interface("wg0", 1420);
  interface("lo", 65536);
  EXPECT_EQ(uplink_mtu(files), 0);
  write(files.routes, heading + local_net);
  EXPECT_EQ(uplink_mtu(files), 0);
  write(files.routes, heading + local_net + via_eth);
  EXPECT_EQ(uplink_mtu(files), 1450);
  write(files.routes, heading + via_eth + via_wg);
  EXPECT_EQ(uplink_mtu(files), 1420);
  write(files.routes, heading + "wg0\t00000000\t0\t0002\t0\t0\t0\t00000000\t0\t0\t0\n" + via_eth);
  EXPECT_EQ(uplink_mtu(files), 1450) << "a route that is down";
  write(files.routes, "eth0\nnonsense \x01\n");
  EXPECT_EQ(uplink_mtu(files), 0);
}

TEST_F(DindHostFiles, UplinkMayBeOfIpv6) {
  interface("eth0", 1450);
  interface("tun0", 1280);
  write(files.ipv6_routes,
        ipv6_default("ffffffff", "00200200", "lo") + ipv6_default("00000400", "00450003", "eth0"));
  EXPECT_EQ(uplink_mtu(files), 1450);
  write(files.ipv6_routes, ipv6_default("00000400", "00450003", "eth0") +
                               ipv6_default("00000100", "00450003", "tun0"));
  EXPECT_EQ(uplink_mtu(files), 1280);
  write(files.routes, heading + via_eth);
  EXPECT_EQ(uplink_mtu(files), 1280) << "the smaller one of both";
}

TEST_F(DindHostFiles, ResolversAreTheOnesContainersReach) {
  write(files.real_resolvers, "nameserver 10.0.0.53\n");
  EXPECT_THAT(host_resolvers(files), ElementsAre("10.0.0.53"));
  write(files.resolvers, "# stub\nnameserver 127.0.0.53\noptions edns0\n");
  EXPECT_THAT(host_resolvers(files), ElementsAre("10.0.0.53"));
  write(files.resolvers,
        "search a\nnameserver 192.168.1.1\n nameserver fd00::1 # x\nnameserver fe80::1%eth0\n"
        "nameserver ::1\nnameserver bad;--x\nnameserver\nnameserver 8.8.8.8\nnameserver 9.9.9.9\n");
  EXPECT_THAT(host_resolvers(files), ElementsAre("192.168.1.1", "fd00::1", "8.8.8.8"));
  write(files.resolvers, "nameserver 127.0.0.1\n");
  std::filesystem::remove(files.real_resolvers);
  EXPECT_THAT(host_resolvers(files), IsEmpty());
}

TEST_F(DindHostFiles, DaemonFileHasKeys) {
  EXPECT_EQ(daemon_file_keys(path("none")), std::nullopt);
  EXPECT_EQ(daemon_file_keys(files.interfaces.parent_path()), std::nullopt);
  write(path("daemon.json"), R"({"mtu": 1400, "dns": []})");
  EXPECT_EQ(daemon_file_keys(path("daemon.json")), (std::set<std::string>{"dns", "mtu"}));
  write(path("daemon.json"), "[1]");
  EXPECT_EQ(daemon_file_keys(path("daemon.json")), std::nullopt);
}

TEST_F(DindHostFiles, TheLongestMountOverTheDaemonFileShows) {
  using Keys = std::optional<std::set<std::string>>;
  write(path("file.json"), R"({"mtu": 1400})");
  write(path("etc") / "docker" / "daemon.json", R"({"dns": []})");
  write(path("certs") / "ca.pem", "certificate");
  std::filesystem::create_symlink("/nowhere/daemon.json", path("certs") / "dangling");
  std::filesystem::create_directories(path("linked"));
  std::filesystem::create_symlink("/nowhere/x", path("linked") / "daemon.json");
  const std::string file{daemon_file};
  struct Case {
    const char* what;
    std::vector<DaemonFileMount> mounts;
    Keys keys;
  };
  const Keys none{std::set<std::string>{}};
  const Case cases[] = {
      {"nothing", {}, none},
      {"the file", {{file, path("file.json")}}, Keys{{"mtu"}}},
      {"its directory", {{"/etc/docker", path("etc") / "docker"}}, Keys{{"dns"}}},
      {"a parent", {{"/etc", path("etc")}}, Keys{{"dns"}}},
      {"the file over its directory",
       {{file, path("file.json")}, {"/etc/docker", path("etc") / "docker"}},
       Keys{{"mtu"}}},
      {"whatever the order",
       {{"/etc/docker", path("etc") / "docker"}, {file, path("file.json")}},
       Keys{{"mtu"}}},
      {"a directory without it", {{"/etc/docker", path("certs")}}, none},
      {"a directory without it hides the one of a parent",
       {{"/etc/docker", path("certs")}, {"/etc", path("etc")}},
       none},
      {"a source that the Engine makes", {{"/etc/docker", path("none")}}, none},
      {"a file that is none", {{file, path("none")}}, std::nullopt},
      {"a link that leads elsewhere in the container",
       {{"/etc/docker", path("linked")}},
       std::nullopt},
      {"an unknown source", {{"/etc/docker", {}}}, std::nullopt},
      {"an unknown source behind the file",
       {{"/etc/docker", {}}, {file, path("file.json")}},
       Keys{{"mtu"}}},
      {"an unknown source before it", {{file, {}}, {"/etc", path("etc")}}, std::nullopt},
  };
  for (const auto& c : cases) EXPECT_EQ(mounted_daemon_keys(c.mounts), c.keys) << c.what;
}

TEST(DindCertificateFiles, NeverHoldTheAuthoritysKey) {
  const DindCertificates::Time now{std::chrono::seconds{1'795'000'000}};
  const DindCertificates certificates{now, std::chrono::hours{1}};
  const auto files = [&] {
    docker_api::TarBuilder archive;
    certificates.add_to(archive, "/certs", {"acme__dind", "acme-dind"});
    return archive.finish();
  };
  const auto tar = files();
  for (const char* name :
       {"certs/ca/cert.pem", "certs/server/ca.pem", "certs/server/cert.pem", "certs/server/key.pem",
        "certs/client/ca.pem", "certs/client/cert.pem", "certs/client/key.pem"})
    EXPECT_THAT(tar, HasSubstr(std::string{name} + '\0'));
  EXPECT_THAT(tar, Not(HasSubstr("ca/key.pem")));
  std::size_t keys = 0;
  for (auto at = tar.find("BEGIN PRIVATE KEY"); at != std::string::npos;
       at = tar.find("BEGIN PRIVATE KEY", at + 1))
    ++keys;
  EXPECT_EQ(keys, 2u);
  EXPECT_NE(files(), tar) << "another server, another key";
}

}  // namespace
}  // namespace slipway::executors::docker
