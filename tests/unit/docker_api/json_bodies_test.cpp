#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <stdexcept>

#include "docker_api/json.hpp"

namespace slipway::docker_api {
namespace {

using nlohmann::json;

constexpr ApiVersion old_engine{1, 41};
constexpr ApiVersion new_engine{1, 51};

TEST(ContainerBody, HoldsNothingThatWasNotAskedButThatItIsNotRestarted) {
  ContainerSpec spec;
  spec.name = "goes into the query";
  spec.platform = "linux/amd64";
  spec.image = "busybox";
  EXPECT_EQ(container_body(spec, old_engine), json::parse(R"({
    "Image": "busybox", "HostConfig": {"RestartPolicy": {"Name": "no"}}})"));
}

ContainerSpec full_spec() {
  ContainerSpec spec;
  spec.image = "sha256:1234";
  spec.hostname = "runner-abc-project-1";
  spec.user = "1000:1000";
  spec.working_dir = "/builds";
  spec.command = {"sh", "-c", "true"};
  spec.entrypoint = std::vector<std::string>{""};
  spec.env = {"A=1", "A=2"};
  spec.labels = {{"io.slipway.state", "f00"}};
  spec.open_stdin = true;
  spec.binds = {"/srv:/srv:ro"};
  spec.mounts = {
      {Mount::Kind::volume, "cache", "/cache", false, {{"l", "v"}}, "local", {{"type", "none"}}},
      {Mount::Kind::volume, "", "/anonymous", true},
      {Mount::Kind::bind, "/host", "/inside", true},
      {Mount::Kind::tmpfs, "", "/run"},
  };
  spec.network_mode = "job-net";
  spec.network_aliases = {"build", "runner-abc"};
  spec.mac_address = "92:d0:c6:0a:29:33";
  spec.extra_hosts = {"db:10.0.0.1"};
  spec.privileged = true;
  spec.init = true;
  spec.log_driver = "json-file";
  spec.log_options = {{"max-size", "10m"}};
  spec.host_config_extra = R"({"Memory":1048576,"CapAdd":["CAP_NET_ADMIN"]})";
  return spec;
}

TEST(ContainerBody, HoldsEverythingThatWasAsked) {
  EXPECT_EQ(container_body(full_spec(), old_engine), json::parse(R"({
    "Image": "sha256:1234", "Hostname": "runner-abc-project-1", "User": "1000:1000",
    "WorkingDir": "/builds", "Cmd": ["sh", "-c", "true"], "Entrypoint": [""],
    "Env": ["A=1", "A=2"], "Labels": {"io.slipway.state": "f00"},
    "OpenStdin": true, "StdinOnce": false,
    "AttachStdin": true, "AttachStdout": true, "AttachStderr": true,
    "HostConfig": {
      "Binds": ["/srv:/srv:ro"],
      "Mounts": [
        {"Type": "volume", "Source": "cache", "Target": "/cache", "VolumeOptions":
          {"Labels": {"l": "v"}, "DriverConfig": {"Name": "local", "Options": {"type": "none"}}}},
        {"Type": "volume", "Target": "/anonymous", "ReadOnly": true},
        {"Type": "bind", "Source": "/host", "Target": "/inside", "ReadOnly": true},
        {"Type": "tmpfs", "Target": "/run"}],
      "NetworkMode": "job-net", "ExtraHosts": ["db:10.0.0.1"],
      "Privileged": true, "Init": true, "RestartPolicy": {"Name": "no"},
      "LogConfig": {"Type": "json-file", "Config": {"max-size": "10m"}},
      "Memory": 1048576, "CapAdd": ["CAP_NET_ADMIN"]},
    "NetworkingConfig": {"EndpointsConfig": {"job-net": {"Aliases": ["build", "runner-abc"]}}}
  })"));
}

TEST(ContainerBody, GivesAliasesToUserDefinedNetworksOnly) {
  struct Case {
    const char* mode;
    ApiVersion version;
    const char* endpoints;  ///< "" = none
  };
  const Case cases[] = {
      {"", old_engine, ""},
      {"bridge", old_engine, ""},
      {"host", old_engine, ""},
      {"none", old_engine, ""},
      {"default", old_engine, ""},
      {"container:abc", old_engine, ""},
      {"net", old_engine, R"({"net":{"Aliases":["build"]}})"},
      {"", new_engine, R"({"default":{"MacAddress":"92:d0"}})"},
      {"bridge", new_engine, R"({"bridge":{"MacAddress":"92:d0"}})"},
      {"net", new_engine, R"({"net":{"Aliases":["build"],"MacAddress":"92:d0"}})"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.mode);
    ContainerSpec spec;
    spec.network_mode = c.mode;
    spec.network_aliases = {"build"};
    spec.mac_address = "92:d0";
    const auto body = container_body(spec, c.version);
    if (*c.endpoints == '\0')
      EXPECT_FALSE(body.contains("NetworkingConfig"));
    else
      EXPECT_EQ(body["NetworkingConfig"]["EndpointsConfig"], json::parse(c.endpoints));
  }
}

TEST(ContainerBody, MergesTheExtraHostConfigLast) {
  ContainerSpec spec;
  spec.log_driver = "none";
  spec.host_config_extra = R"({"LogConfig":{"Type":"syslog"}})";
  EXPECT_EQ(container_body(spec, old_engine)["HostConfig"]["LogConfig"]["Type"], "syslog");
  for (const auto* bad : {"[]", "{", "7", "null"}) {
    spec.host_config_extra = bad;
    EXPECT_THROW(container_body(spec, old_engine), std::invalid_argument) << bad;
  }
}

TEST(ContainerBody, SendsBytesThatAreNotUtf8AsReplacements) {
  ContainerSpec spec;
  spec.env = {"A=\xff\xfe", "B=\xc3\xa9"};
  const auto text = to_text(container_body(spec, old_engine));
  EXPECT_EQ(json::parse(text)["Env"], (json{"A=\ufffd\ufffd", "B=\u00e9"}));
}

TEST(NetworkBody, E29_SendsIpv6Always) {
  NetworkSpec spec{"net", {{"l", "v"}}, false, {{"com.docker.network.driver.mtu", "1400"}}};
  EXPECT_EQ(network_body(spec, old_engine), json::parse(R"({"Name":"net","EnableIPv6":false,
    "CheckDuplicate":true,"Labels":{"l":"v"},"Options":{"com.docker.network.driver.mtu":"1400"}})"));
  EXPECT_EQ(network_body({"net", {}, true, {}}, new_engine),
            json::parse(R"({"Name":"net","EnableIPv6":true})"));
}

TEST(NetworkBody, ASubnetIsSentWhereItIsWanted) {
  NetworkSpec spec;
  spec.name = "net";
  EXPECT_FALSE(network_body(spec, {1, 41}).contains("IPAM"));
  spec.subnet = "198.19.0.64/26";
  EXPECT_EQ(network_body(spec, {1, 41})["IPAM"],
            json::parse(R"({"Config":[{"Subnet":"198.19.0.64/26"}]})"));
}

TEST(LabelFilter, IsTheEnginesJson) {
  EXPECT_EQ(label_filter({}), "{}");
  EXPECT_EQ(label_filter({"a=b", "c"}), R"({"label":["a=b","c"]})");
}

TEST(PlatformObject, NamesWhatIsThere) {
  EXPECT_EQ(platform_object("linux/arm/v7"),
            json::parse(R"({"os":"linux","architecture":"arm","variant":"v7"})"));
  EXPECT_EQ(platform_object("linux/amd64"),
            json::parse(R"({"os":"linux","architecture":"amd64"})"));
  EXPECT_EQ(platform_object("linux"), json::parse(R"({"os":"linux"})"));
}

}  // namespace
}  // namespace slipway::docker_api
