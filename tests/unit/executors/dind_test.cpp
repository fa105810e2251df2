#include "executors/docker/dind.hpp"

#include <gmock/gmock.h>

#include "executors/docker/labels.hpp"
#include "plan_support.hpp"

namespace slipway::executors::docker {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using Words = std::vector<std::string>;

constexpr auto dind_name = "docker:24.0.5-dind";
const std::string documented = "privileged = true\nvolumes = [\"/certs/client\", \"/cache\"]\n";

json variable(const char* key, const std::string& value) {
  return {{"key", key}, {"value", value}, {"public", true}};
}

/// Variables of the job beside a dind service with these members.
struct Given {
  json service = json::object();
  json variables = json::array();
  std::string docker = documented;
};

Plan plan_for(const Given& given) {
  json service{{"name", dind_name}};
  if (given.service.is_object()) service.update(given.service);
  // Braces around one thing may be that thing.
  const auto variables = given.variables.is_object() ? json::array({given.variables})
                         : given.variables.is_null() ? json::array()
                                                     : given.variables;
  return plan_of({{"services", json::array({service})}, {"+variables", variables}}, given.docker);
}

/// As docker:24.0.5-dind is.
docker_api::ImageDetails official_image() {
  docker_api::ImageDetails image;
  image.id = "sha256:1";
  image.entrypoint = {"dockerd-entrypoint.sh"};
  image.env = {"PATH=/bin", "DOCKER_TLS_CERTDIR=/certs"};
  image.volumes = {"/var/lib/docker"};
  return image;
}

DindDecision decide(const Given& given, const docker_api::ImageDetails& image = official_image(),
                    const DindHost& host = {}) {
  const auto plan = plan_for(given);
  return decide_dind(plan, plan.services.at(0), image, host);
}

json plain() {
  return json::array({variable("DOCKER_TLS_CERTDIR", "")});
}

struct MintCase {
  const char* what;
  Given given;
  const char* refused;  ///< part of the reason; "" = minted
};

TEST(DindCertificates, AreMadeOrLeftAlone) {
  const json host{variable("DOCKER_HOST", "tcp://docker:2376")};
  const std::string no_isolation = "\n[runners.docker.dind]\nisolate_certs = false";
  const MintCase cases[] = {
      {"documented", {}, ""},
      {"the directory as a variable", {{}, {variable("DOCKER_TLS_CERTDIR", "/tls")}}, ""},
      {"off", {{}, {}, documented + "[runners.docker.dind]\nmint_certs = false"}, "mint_certs"},
      {"no TLS", {{}, plain()}, "plain TCP"},
      {"a relative directory", {{}, {variable("DOCKER_TLS_CERTDIR", "certs")}}, "no directory"},
      {"the root", {{}, {variable("DOCKER_TLS_CERTDIR", "/.")}}, "no directory"},
      {"an entrypoint of the job's", {{{"entrypoint", {"sh"}}}}, "entrypoint"},
      {"the same entrypoint", {{{"entrypoint", {"dockerd-entrypoint.sh"}}}}, ""},
      {"flags", {{{"command", {"--registry-mirror", "https://m"}}}}, ""},
      {"a command", {{{"command", {"dockerd", "--debug"}}}}, "flags alone"},
      {"a command after flags", {{{"command", {"--debug", "--", "x"}}}}, "flags alone"},
      {"a name", {{}, host}, ""},
      {"an address", {{}, {variable("DOCKER_HOST", "tcp://172.17.0.3:2376")}}, "address"},
      {"an IPv6 address", {{}, {variable("DOCKER_HOST", "tcp://[fd00::2]:2376")}}, "address"},
      {"without a scheme", {{}, {variable("DOCKER_HOST", "172.17.0.3:2376")}}, "address"},
      {"a name without a scheme", {{}, {variable("DOCKER_HOST", "docker:2376")}}, ""},
      {"loopback", {{}, {variable("DOCKER_HOST", "tcp://127.0.0.1:2376")}}, ""},
      {"IPv6 loopback", {{}, {variable("DOCKER_HOST", "tcp://[::1]:2376")}}, ""},
      {"a socket", {{}, {variable("DOCKER_HOST", "unix:///run/x/docker.sock")}}, ""},
      {"the service's own address",
       {{{"variables", {variable("DOCKER_HOST", "tcp://10.0.0.1:1")}}}},
       "address"},
      {"a host path over it", {{}, {}, "volumes = [\"/srv/certs:/certs\"]"}, "with a source"},
      {"a named volume over the client's",
       {{}, {}, "volumes = [\"certs:/certs/client\"]"},
       "with a source"},
      {"a host path above it", {{}, {}, "volumes = [\"/srv:/certs/..\"]"}, "(none)"},
      {"a host path within", {{}, {}, "volumes = [\"/srv/ca:/certs/ca:ro\"]"}, "with a source"},
      {"a host path beside it", {{}, {}, "volumes = [\"/srv:/certs2\"]"}, ""},
      {"a tmpfs over it",
       {{}, {}, "[runners.docker.services_tmpfs]\n\"/certs\" = \"rw\""},
       "with a source"},
      {"the whole directory, isolated", {{}, {}, "volumes = [\"/certs\"]"}, ""},
      {"the whole directory, kept",
       {{}, {}, "volumes = [\"/certs\"]" + no_isolation},
       "kept between jobs"},
      {"the client's, kept", {{}, {}, documented + no_isolation}, ""},
      {"below a kept volume",
       {{}, {variable("DOCKER_TLS_CERTDIR", "/builds/certs"), variable("GIT_STRATEGY", "fetch")}},
       "kept between jobs"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    if (std::string_view{c.refused} == "(none)") {
      EXPECT_THROW(plan_for(c.given), job::Failure);
      continue;
    }
    const auto decision = decide(c.given);
    EXPECT_EQ(decision.mint, *c.refused == '\0') << decision.not_minted;
    EXPECT_THAT(decision.not_minted, HasSubstr(c.refused));
  }
}

TEST(DindCertificates, DependOnTheImage) {
  auto custom = official_image();
  custom.entrypoint = {"/sbin/tini", "--", "/usr/local/bin/dockerd-entrypoint.sh"};
  EXPECT_TRUE(decide({}, custom).mint);
  custom.entrypoint = {"dockerd"};
  EXPECT_FALSE(decide({}, custom).mint);
  custom.entrypoint = {};
  EXPECT_FALSE(decide({}, custom).mint);
  EXPECT_TRUE(
      decide({{}, {}, documented + "[runners.docker.dind]\nimages = [\"docker:*\"]"}, custom).mint);

  auto bare = official_image();
  bare.env = {};
  EXPECT_EQ(decide({}, bare).cert_dir, "");
  EXPECT_FALSE(decide({}, bare).mint);

  auto rootless = official_image();
  rootless.user = "rootless";
  EXPECT_TRUE(decide({}, rootless).mint);
  EXPECT_FALSE(decide({{}, {variable("DOCKER_TLS_CERTDIR", "/tls")}}, rootless).mint);
  EXPECT_TRUE(decide({{}, {variable("DOCKER_TLS_CERTDIR", "/tls")}}).mint);
}

TEST(DindCertificates, AreLookedForInImagesOfOthers) {
  const struct {
    const char* image;
    bool looks;
  } cases[] = {{"docker:24.0.5-dind", false},
               {"docker.io/library/docker:dind", false},
               {"registry.example.com/mirror/library/docker:dind", false},
               {"acme/my-dind:1", true},
               {"acme/docker:dind", true}};
  for (const auto& c : cases)
    EXPECT_EQ(decide({{{"name", c.image}}}).mint_if_none, c.looks) << c.image;
}

TEST(DindCertificates, NeedAVolumeThatTheJobSees) {
  const auto hint = [](const Given& given) {
    const auto warnings = decide(given).warnings;
    return warnings.empty() ? std::string{} : warnings.at(0);
  };
  EXPECT_THAT(hint({{}, {}, "volumes = [\"/cache\"]"}), HasSubstr("add \"/certs/client\""));
  EXPECT_EQ(hint({}), "");
  EXPECT_EQ(hint({{}, {}, "volumes = [\"/srv:/certs\"]"}), "");
  EXPECT_EQ(hint({{}, {}, "volumes_from = [\"other\"]"}), "");
  EXPECT_EQ(hint({{}, plain(), "volumes = [\"/cache\"]"}), "");
  EXPECT_EQ(hint({{}, {variable("DOCKER_HOST", "unix:///x/y.sock")}, "volumes = [\"/x\"]"}), "");
}

/// With "/certs" in `volumes` all engines of a job read the same `server/`.
TEST(DindCertificates, AreForAllEnginesOfTheJob) {
  const json services{{{"name", dind_name}, {"alias", "first"}},
                      {{"name", "redis:7"}, {"alias", "other"}},
                      {{"name", dind_name}, {"alias", "second"}}};
  const auto plan = plan_of({{"services", services}}, "volumes = [\"/certs\"]");
  ASSERT_EQ(plan.services.size(), 3u);
  const auto& first = plan.services[0];
  const auto& second = plan.services[2];
  const auto hosts = certificate_hosts(plan, second);
  EXPECT_EQ(hosts.front(), second.container.name);
  EXPECT_THAT(hosts, testing::IsSupersetOf({first.container.name, std::string{"first"},
                                            std::string{"second"}, std::string{"docker"}}));
  EXPECT_THAT(hosts, Not(Contains("other")));

  EXPECT_TRUE(shares_server_certificate(plan, "/certs"));
  EXPECT_FALSE(shares_server_certificate(plan, "/tls"));
  EXPECT_FALSE(shares_server_certificate(plan_for({}), "/certs"));
}

struct FlagCase {
  const char* what;
  Given given;
  Words command;  ///< what is sent; empty: as it was
};

TEST(DindFlags, AreAddedToFlagsAlone) {
  const std::string off = documented + "[runners.docker.dind]\nplain_tls_flag = false";
  const auto with = [](const json& words) { return Given{{{"command", words}}, plain()}; };
  const FlagCase cases[] = {
      {"TLS", {}, {}},
      {"plain", {{}, plain()}, {"--tls=false"}},
      {"off", {{}, plain(), off}, {}},
      {"flags", with({"--mtu", "1360"}), {"--mtu", "1360", "--tls=false"}},
      {"has it", with({"--tls=false"}), {}},
      {"has another of TLS", with({"--tlsverify"}), {}},
      {"a file of its own", with({"--config-file", "/builds/daemon.json"}), {}},
      {"a command", with({"dockerd"}), {}},
      {"an entrypoint", {{{"entrypoint", {"dockerd"}}}, plain()}, {}},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    const auto decision = decide(c.given);
    EXPECT_EQ(decision.flags.empty(), c.command.empty());
    EXPECT_EQ(decision.notices.size(), decision.flags.size());
    if (!c.command.empty()) {
      EXPECT_EQ(decision.command, c.command);
    }
  }
}

TEST(DindFlags, FollowTheImagesOwnCommand) {
  auto image = official_image();
  image.command = {"--insecure-registry=r"};
  EXPECT_THAT(decide({{}, plain()}, image).command,
              ElementsAre("--insecure-registry=r", "--tls=false"));
  image.command = {"dockerd"};
  EXPECT_THAT(decide({{}, plain()}, image).flags, IsEmpty());
  EXPECT_THAT(decide({{{"entrypoint", {"dockerd-entrypoint.sh"}}}, plain()}, image).command,
              ElementsAre("--tls=false"));
}

TEST(DindFlags, TellTheEngineOfItsHost) {
  const json per_build{variable("FF_NETWORK_PER_BUILD", "true")};
  DindHost host;
  host.local = true;
  host.uplink_mtu = 1400;
  host.resolvers = {"10.0.0.53", "fd00::53"};
  const auto flags = [](const Given& given, const DindHost& on) {
    return decide(given, official_image(), on).flags;
  };
  const auto dind = [](const char* keys) { return documented + "[runners.docker.dind]\n" + keys; };
  EXPECT_THAT(flags({}, host), ElementsAre("--mtu=1400"));
  EXPECT_THAT(flags({{}, per_build}, host),
              ElementsAre("--mtu=1400", "--dns=10.0.0.53", "--dns=fd00::53"));
  EXPECT_THAT(flags({{}, {}, documented + "network_mode = \"mine\""}, host),
              Contains("--dns=10.0.0.53"));
  EXPECT_THAT(flags({{}, {}, documented + "network_mode = \"host\""}, host),
              ElementsAre("--mtu=1400"));
  EXPECT_THAT(flags({{}, per_build, documented + "dns = [\"10.9.9.9\"]"}, host),
              ElementsAre("--mtu=1400", "--dns=10.9.9.9"));
  EXPECT_THAT(flags({{}, per_build, documented + "network_mtu = 1300"}, host),
              Contains("--mtu=1300"));
  EXPECT_THAT(flags({{}, per_build, dind("mtu = false\ndns = false")}, host), IsEmpty());
  EXPECT_THAT(flags({{{"command", {"--mtu=1200", "--dns", "1.1.1.1"}}}, per_build}, host),
              IsEmpty());
  EXPECT_THAT(flags({{{"command", {"--dns-search=a"}}}, per_build}, host),
              Contains("--dns=10.0.0.53"));
  for (const int mtu : {0, 100, 1500, 9000}) {
    host.uplink_mtu = mtu;
    EXPECT_THAT(flags({}, host), IsEmpty()) << mtu;
  }
  host.local = false;
  host.uplink_mtu = 1400;
  EXPECT_THAT(flags({{}, per_build}, host), IsEmpty());
}

TEST(DindFlags, LeaveAloneWhatADaemonFileSays) {
  DindHost host;
  host.local = true;
  host.uplink_mtu = 1400;
  host.daemon_keys = {"registry-mirrors", "mtu"};
  EXPECT_THAT(decide({{}, plain()}, official_image(), host).flags, ElementsAre("--tls=false"));
  host.daemon_keys = {"tls"};
  EXPECT_THAT(decide({{}, plain()}, official_image(), host).flags, ElementsAre("--mtu=1400"));
  host.daemon_keys = std::nullopt;
  EXPECT_THAT(decide({{}, plain()}, official_image(), host).flags, IsEmpty());
}

TEST(DindLayers, AreKeptWhereTheEngineHasThem) {
  const std::string slot = "[runners.docker.dind]\nlayer_cache = \"slot\"\n";
  EXPECT_FALSE(decide({}).keep_layers);
  EXPECT_TRUE(decide({{}, {}, documented + slot}).keep_layers);
  const auto refused = [&](const Given& given,
                           const docker_api::ImageDetails& image = official_image()) {
    const auto decision = decide(given, image);
    EXPECT_FALSE(decision.keep_layers);
    return decision.layers_refused;
  };
  EXPECT_THAT(refused({{{"command", {"--data-root=/x"}}}, {}, slot}), HasSubstr("--data-root"));
  EXPECT_THAT(refused({{}, {}, "volumes = [\"/var/lib/docker\"]\n" + slot}), HasSubstr("entry"));
  EXPECT_THAT(refused({{}, {}, "volumes = [\"/srv:/var/lib/docker/x\"]\n" + slot}),
              HasSubstr("entry"));
  for (const char* dir : {"/var/lib/docker", "/var/lib/docker//certs/"})
    EXPECT_THAT(refused({{}, {variable("DOCKER_TLS_CERTDIR", dir)}, slot}), HasSubstr("CERTDIR"));
  EXPECT_TRUE(decide({{}, {variable("DOCKER_TLS_CERTDIR", "/var/lib/docker2")}, slot}).keep_layers);
  auto rootless = official_image();
  rootless.user = "1000:1000";
  EXPECT_THAT(refused({{}, {}, slot}, rootless), HasSubstr("root"));
}

}  // namespace
}  // namespace slipway::executors::docker
