#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "docker_api/error.hpp"
#include "docker_api/json.hpp"
#include "docker_api/path_stat.hpp"

namespace slipway::docker_api {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(Answers, ImageWithEverything) {
  const auto image = read_image(json::parse(R"({"Id":"sha256:1","RepoTags":["a:1"],
    "RepoDigests":["a@sha256:2"],"Os":"linux","Architecture":"arm","Variant":"v7","Config":{
    "User":"1000","Env":["A=b"],"Entrypoint":["/e"],"Cmd":["c","d"],"Volumes":{"/data":{}},
    "ExposedPorts":{"443/tcp":{},"80/tcp":{},"53/udp":{},"0/tcp":{},"70000/tcp":{},"x/tcp":{}}}})"));
  EXPECT_EQ(image.id, "sha256:1");
  EXPECT_EQ(image.variant, "v7");
  EXPECT_EQ(image.user, "1000");
  EXPECT_THAT(image.entrypoint, ElementsAre("/e"));
  EXPECT_THAT(image.command, ElementsAre("c", "d"));
  EXPECT_THAT(image.exposed_tcp_ports, ElementsAre(80, 443));
  EXPECT_THAT(image.volumes, ElementsAre("/data"));
}

TEST(Answers, AbsentAndNullMembersAreEmpty) {
  for (const auto* text : {R"({"Id":"x"})", R"({"Id":"x","RepoTags":null,"Config":null})",
                           R"({"Id":"x","Config":{"Env":null,"ExposedPorts":null}})"}) {
    const auto image = read_image(json::parse(text));
    EXPECT_EQ(image.id, "x");
    EXPECT_TRUE(image.env.empty());
    EXPECT_TRUE(image.exposed_tcp_ports.empty());
  }
  EXPECT_TRUE(read_volumes(json::parse(R"({"Volumes":null})")).empty());
  EXPECT_TRUE(read_containers(json::parse("null")).empty());
  EXPECT_EQ(read_network(json::parse(R"({"Id":"n","IPAM":{"Config":null},"Containers":null})")).id,
            "n");
}

TEST(Answers, ContainerWithAddresses) {
  const auto container = read_container(json::parse(R"({"Id":"c1","Name":"/runner-1","Image":"i",
    "State":{"Status":"exited","Running":false,"OOMKilled":true,"ExitCode":137,"Error":"e"},
    "Config":{"Env":["A=b"],"Labels":{"l":"v"},"ExposedPorts":{"2376/tcp":{}}},
    "NetworkSettings":{"Networks":{
      "bridge":{"IPAddress":"172.17.0.2","GlobalIPv6Address":"2001:db8::2"},
      "idle":{"IPAddress":"","GlobalIPv6Address":""}, "odd":null}}})"));
  EXPECT_EQ(container.name, "runner-1");
  EXPECT_EQ(container.status, "exited");
  EXPECT_TRUE(container.oom_killed);
  EXPECT_EQ(container.exit_code, 137);
  EXPECT_THAT(container.addresses.at("bridge"), ElementsAre("172.17.0.2", "2001:db8::2"));
  EXPECT_TRUE(container.addresses.at("idle").empty());
  EXPECT_EQ(container.labels.at("l"), "v");
  EXPECT_THAT(container.exposed_tcp_ports, ElementsAre(2376));
}

TEST(Answers, ContainerWithAHealthcheck) {
  const auto container = read_container(json::parse(R"({"Id":"c1","State":{"Health":{
    "Status":"unhealthy","Log":[{"Output":"first"},{"Output":"last\n"}]}},
    "Config":{"Healthcheck":{"Interval":5000000000}}})"));
  EXPECT_EQ(container.health, "unhealthy");
  EXPECT_EQ(container.health_output, "last\n");
  EXPECT_EQ(container.health_interval, std::chrono::seconds{5});
  const auto quick = read_container(json::parse(R"({"Id":"c1","State":{"Health":{"Log":null}},
    "Config":{"Healthcheck":{"Interval":5000000000,"StartInterval":1000000000}}})"));
  EXPECT_EQ(quick.health_interval, std::chrono::seconds{1});
  EXPECT_EQ(read_container(json::parse(R"({"Id":"c1"})")).health, "");
}

TEST(Answers, AddressPoolsOfTheAdministrator) {
  EXPECT_FALSE(read_info(json::parse("{}")).own_address_pools);
  EXPECT_FALSE(read_info(json::parse(R"({"DefaultAddressPools":null})")).own_address_pools);
  EXPECT_TRUE(read_info(json::parse(R"({"DefaultAddressPools":[{"Base":"10.0.0.0/8","Size":24}]})"))
                  .own_address_pools);
}

TEST(Answers, EventAndProgress) {
  const auto event = read_event(json::parse(R"({"Type":"container","Action":"die","timeNano":17,
    "Actor":{"ID":"abc","Attributes":{"exitCode":"3"}}})"));
  EXPECT_EQ(event.action, "die");
  EXPECT_EQ(event.actor, "abc");
  EXPECT_EQ(event.attributes.at("exitCode"), "3");
  EXPECT_EQ(event.time_nano, 17);
  const auto progress = read_progress(json::parse(
      R"({"status":"Downloading","id":"layer","progressDetail":{"current":5,"total":9}})"));
  EXPECT_EQ(progress.current, 5);
  EXPECT_EQ(progress.total, 9);
  EXPECT_EQ(read_progress(json::parse(R"({"status":"x","progressDetail":{}})")).total, 0);
}

TEST(Answers, OddOnesAreEngineErrors) {
  const auto fails = [](std::string_view body, auto read) {
    try {
      decode_as("GET /x", body, read);
      ADD_FAILURE() << body;
    } catch (const EngineError& e) {
      EXPECT_EQ(e.status(), 0);
      EXPECT_THAT(e.what(), HasSubstr("unexpected answer to GET /x")) << body;
    }
  };
  for (const auto* body : {"", "<html>", "[]", "7", "null", "{}", R"({"Id":7})", R"({"Id":""})",
                           R"({"Id":null})", R"({"Id":"x","Config":[]})",
                           R"({"Id":"x","Config":{"Env":[1]}})", R"({"Id":"x","RepoTags":{}})"})
    fails(body, read_image);
  for (const auto* body :
       {R"({"Id":"x","State":7})", R"({"Id":"x","State":{"ExitCode":"3"}})",
        R"({"Id":"x","State":{"ExitCode":1e300}})", R"({"Id":"x","State":{"Running":"yes"}})",
        R"({"Id":"x","Config":{"Labels":{"a":1}}})",
        R"({"Id":"x","NetworkSettings":{"Networks":[]}})"})
    fails(body, read_container);
  for (const auto* body : {"{}", R"({"StatusCode":"0"})", R"({"StatusCode":null})"})
    fails(body, read_wait);
  for (const auto* body : {"{}x", "{}", "[7]", R"([{"Id":"x"},null])"})
    fails(body, read_containers);
  fails(R"({"Volumes":{}})", read_volumes);
  fails(std::string(100'000, '['), read_info);
}

TEST(PathStat, IsReadFromTheHeader) {
  // {"name":"f","size":42,"mode":420} and a directory with the sticky bit.
  const auto file = read_path_stat("HEAD", "eyJuYW1lIjoiZiIsInNpemUiOjQyLCJtb2RlIjo0MjB9");
  EXPECT_EQ(file.size, 42);
  EXPECT_EQ(file.mode, 0100644u);
  const auto directory = read_path_stat("HEAD", "eyJzaXplIjo0MDk2LCJtb2RlIjoyMTQ4NTMyNzM1fQ==");
  EXPECT_EQ(directory.mode, 041777u);
  for (const auto* bad : {"", "!!!", "e30x", "eyJzaXplIjoieCJ9"})
    EXPECT_THROW(read_path_stat("HEAD", bad), EngineError) << bad;
}

TEST(JsonAnswers, TheDefaultBridgeOfAFreshEngineHasItsFirstAddressAsGateway) {
  const auto fresh = read_network(
      json::parse(R"({"Id":"n","Name":"bridge","IPAM":{"Config":[{"Subnet":"172.17.0.0/16"}]}})"));
  EXPECT_EQ(fresh.gateways, std::vector<std::string>{"172.17.0.1"});
  const auto other = read_network(
      json::parse(R"({"Id":"n","Name":"mine","IPAM":{"Config":[{"Subnet":"10.1.0.0/24"}]}})"));
  EXPECT_TRUE(other.gateways.empty());
}

}  // namespace
}  // namespace slipway::docker_api
