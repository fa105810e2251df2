#include "executors/docker/image_name.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipway::executors::docker {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;

const std::string digest =
    "sha256:1f1a2d56de1d604801a9671f301190704c25d604a416f59e03c04f5c6ffee0d6";

struct ServiceCase {
  std::string image;
  std::string name;
  std::string version;
  std::vector<std::string> aliases;
  std::string run;
};

TEST(ServiceName, E21_EveryCombinationOfTagDigestPortAndDepth) {
  const auto at = "@" + digest;
  const ServiceCase cases[] = {
      {"postgres:14", "postgres", "14", {"postgres"}, "postgres:14"},
      {"postgres", "postgres", "latest", {"postgres"}, "postgres:latest"},
      {"postgres" + at, "postgres", at, {"postgres"}, "postgres" + at},
      {"postgres:14" + at, "postgres", "14", {"postgres"}, "postgres:14" + at},
      {"docker:24.0.5-dind", "docker", "24.0.5-dind", {"docker"}, "docker:24.0.5-dind"},
      {"tutum/wordpress",
       "tutum/wordpress",
       "latest",
       {"tutum__wordpress", "tutum-wordpress"},
       "tutum/wordpress:latest"},
      {"registry.hub.docker.com/library/docker:20-dind",
       "registry.hub.docker.com/library/docker",
       "20-dind",
       {"registry.hub.docker.com__library__docker", "registry.hub.docker.com-library-docker"},
       "registry.hub.docker.com/library/docker:20-dind"},
      {"reg.example.com:4999/valkey/valkey",
       "reg.example.com/valkey/valkey",
       "latest",
       {"reg.example.com__valkey__valkey", "reg.example.com-valkey-valkey"},
       "reg.example.com:4999/valkey/valkey:latest"},
      {"reg.example.com:4999/a:1",
       "reg.example.com/a",
       "1",
       {"reg.example.com__a", "reg.example.com-a"},
       "reg.example.com:4999/a:1"},
      {"reg.example.com:4999/a" + at,
       "reg.example.com/a",
       at,
       {"reg.example.com__a", "reg.example.com-a"},
       "reg.example.com:4999/a" + at},
      {"reg.example.com:4999/a/b/c:1" + at,
       "reg.example.com/a/b/c",
       "1",
       {"reg.example.com__a__b__c", "reg.example.com-a-b-c"},
       "reg.example.com:4999/a/b/c:1" + at},
      {"localhost/x",
       "localhost/x",
       "latest",
       {"localhost__x", "localhost-x"},
       "localhost/x:latest"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.image);
    const auto parsed = parse_image_name(c.image);
    ASSERT_TRUE(parsed);
    const auto service = service_name(*parsed);
    EXPECT_EQ(service.name, c.name);
    EXPECT_EQ(service.version, c.version);
    EXPECT_THAT(service.aliases, ElementsAreArray(c.aliases));
    EXPECT_EQ(parsed->with_default_tag(), c.run);
  }
}

TEST(ImageName, RefusesWhatIsNoReference) {
  const std::string cases[] = {
      "",
      ":",
      "@",
      "Ruby",
      "ruby:",
      "ruby@",
      "ruby:3.3:1",
      "ruby:-x",
      "ruby:.x",
      "ruby:" + std::string(129, 'a'),
      "ruby image",
      "/ruby",
      "ruby/",
      "a//b",
      "a..b",
      "a___b",
      "_a",
      "a_",
      "host:port/a",
      "host:/a",
      "reg.example.com/Upper",
      "a@sha256:",
      "a@sha256:12",
      "a@:" + digest.substr(7),
      "a@sha512:" + std::string(300, 'a'),
      "a@sha 256:" + digest.substr(7),
      "a@sha256:" + std::string(64, 'G'),
      "a@sha256:" + std::string(64, 'A'),
      std::string(256, 'a'),
      std::string{"a\0b", 3},
      "a\nb",
      "$IMAGE",
  };
  for (const auto& text : cases) EXPECT_FALSE(parse_image_name(text)) << text;
}

TEST(ImageName, TakesTheGrammarsOddCorners) {
  const std::string cases[] = {
      "a__b",
      "a--b",
      "a.b_c__d-e",
      "1",
      "localhost:5000/a",
      "HOST/a",
      "host:5000",
      "a/b.c/d",
      "r.tld/a-b",
      "a:LATEST_1",
      "[::1]:5000/a",
      std::string(255, 'a'),
      "a:" + std::string(128, 'b'),
  };
  for (const auto& text : cases) EXPECT_TRUE(parse_image_name(text)) << text;
}

TEST(ImageName, IsQualifiedForAPull) {
  const std::pair<std::string, std::string> cases[] = {
      {"alpine:3", "docker.io/library/alpine"}, {"acme/app", "docker.io/acme/app"},
      {"reg.tld/app", "reg.tld/app"},           {"reg.tld:5000/a/b", "reg.tld:5000/a/b"},
      {"localhost/app", "localhost/app"},       {"host:5000", "docker.io/library/host"},
  };
  for (const auto& [text, want] : cases) {
    SCOPED_TRACE(text);
    EXPECT_EQ(parse_image_name(text)->qualified_repository(), want);
  }
}

TEST(SplitAliases, TakesSpacesAndCommas) {
  EXPECT_THAT(split_aliases("a,b  c"), ElementsAre("a", "b", "c"));
  EXPECT_THAT(split_aliases("alpine alpine svc-1 svc-1"),
              ElementsAre("alpine", "alpine", "svc-1", "svc-1"));
  EXPECT_THAT(split_aliases(" ,\tx\n"), ElementsAre("x"));
  EXPECT_THAT(split_aliases(" , "), ElementsAre());
}

TEST(DindImage, IsOneWithTheWordInNameOrTag) {
  for (const auto* text : {"docker:24.0.5-dind", "docker:dind", "docker:dind-rootless",
                           "acme/my-dind:1", "acme/dind", "reg.tld:5000/x/docker:dind"})
    EXPECT_TRUE(is_dind_image(*parse_image_name(text))) << text;
  for (const auto* text :
       {"docker:24.0.5", "docker:24-cli", "dind/app:1", "acme/dindex", "a:xdind", "redinding:1"})
    EXPECT_FALSE(is_dind_image(*parse_image_name(text))) << text;
}

}  // namespace
}  // namespace slipway::executors::docker
