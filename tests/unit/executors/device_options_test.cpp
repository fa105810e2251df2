#include "executors/docker/device_options.hpp"

#include <gmock/gmock.h>

#include "executors/docker/plan_parts.hpp"
#include "plan_support.hpp"

namespace slipway::executors::docker {
namespace {

TEST(DeviceRequests, ReadAsTheDockerCommandLineDoes) {
  const std::pair<const char*, const char*> cases[] = {
      {"all", R"([{"Count":-1,"Capabilities":[["gpu"]]}])"},
      {"0", R"([{"Count":0,"Capabilities":[["gpu"]]}])"},
      {"count=2", R"([{"Count":2,"Capabilities":[["gpu"]]}])"},
      {"driver=nvidia", R"([{"Count":1,"Driver":"nvidia","Capabilities":[["gpu"]]}])"},
      {"device=GPU-1", R"([{"DeviceIDs":["GPU-1"],"Capabilities":[["gpu"]]}])"},
      {"\"device=0,2\"", R"([{"DeviceIDs":["0","2"],"Capabilities":[["gpu"]]}])"},
      {"all,\"capabilities=compute,utility\"",
       R"([{"Count":-1,"Capabilities":[["compute","utility","gpu"]]}])"},
      {"1,\"options=a=b,c\"",
       R"([{"Count":1,"Options":{"a":"b","c":""},"Capabilities":[["gpu"]]}])"},
      {"Driver=x,Count=all", R"([{"Count":-1,"Driver":"x","Capabilities":[["gpu"]]}])"},
      {"\"driver=a\"\"b\"", R"([{"Count":1,"Driver":"a\"b","Capabilities":[["gpu"]]}])"},
  };
  for (const auto& [text, want] : cases)
    EXPECT_EQ(device_requests("gpus", text), json::parse(want)) << text;
}

TEST(DeviceRequests, Refused) {
  const std::pair<const char*, const char*> cases[] = {{"", "neither a number nor all"},
                                                       {"1x", "neither a number nor all"},
                                                       {"all,2", "comes twice"},
                                                       {"count=1,count=2", "comes twice"},
                                                       {"color=red", "unknown field color"},
                                                       {"\"all", "quote is out of place"},
                                                       {"\"a\"b", "quote is out of place"},
                                                       {"a\"b", "quote is out of place"},
                                                       {"count=", "neither a number nor all"}};
  for (const auto& [text, want] : cases) {
    SCOPED_TRACE(text);
    try {
      device_requests("gpus", text);
      ADD_FAILURE() << "not refused";
    } catch (const job::Failure& failure) {
      EXPECT_THAT(failure.what(), ::testing::HasSubstr(want));
      EXPECT_EQ(failure.reason(), job::FailureReason::runner_system_failure);
    }
  }
}

TEST(DeviceList, FillsInWhatIsLeftOut) {
  EXPECT_EQ(device_list({"/dev/a", "/dev/b:/dev/c", "/dev/d:/dev/e:r", "/dev/f::rw"}),
            json::parse(R"([
      {"PathOnHost":"/dev/a","PathInContainer":"/dev/a","CgroupPermissions":"rwm"},
      {"PathOnHost":"/dev/b","PathInContainer":"/dev/c","CgroupPermissions":"rwm"},
      {"PathOnHost":"/dev/d","PathInContainer":"/dev/e","CgroupPermissions":"r"},
      {"PathOnHost":"/dev/f","PathInContainer":"/dev/f","CgroupPermissions":"rw"}])"));
}

TEST(Platform, IsMadeWhole) {
  const std::pair<const char*, const char*> cases[] = {
      {"", ""},
      {"linux/arm64", "linux/arm64"},
      {"arm64", "linux/arm64"},
      {"aarch64", "linux/arm64"},
      {"linux/x86_64", "linux/amd64"},
      {"Linux/ARM/v7", "linux/arm/v7"},
      {"windows/amd64", "windows/amd64"},
  };
  for (const auto& [text, want] : cases) {
    std::vector<std::string> warnings;
    EXPECT_EQ(normal_platform(text, warnings), want) << text;
    EXPECT_TRUE(warnings.empty()) << text;
  }
  std::vector<std::string> warnings;
  EXPECT_EQ(normal_platform("darwin/arm64", warnings), "linux/arm64");
  EXPECT_EQ(warnings.size(), 1u);
  for (const auto* text :
       {"/", "linux/", "linux//v7", "a/b/c/d", "nothing", "linux/a b", "linux"}) {
    EXPECT_THROW(normal_platform(text, warnings), job::Failure) << text;
  }
}

TEST(Platform, IsThatOfBuildAndServicesNeverOfTheHelper) {
  const json changes{
      {"image", {{"name", "alpine"}, {"executor_opts", {{"docker", {{"platform", "$P"}}}}}}},
      {"services", {{{"name", "redis"}, {"executor_opts", {{"docker", {{"platform", "arm64"}}}}}}}},
      {"+variables", {{{"key", "P"}, {"value", "linux/arm64/v8"}}}}};
  const auto plan = plan_of(changes);
  EXPECT_EQ(plan.image.platform, "linux/arm64/v8");
  EXPECT_EQ(plan.build.platform, "linux/arm64/v8");
  EXPECT_EQ(plan.helper.platform, "");
  EXPECT_EQ(plan.services[0].image.platform, "linux/arm64");
  EXPECT_EQ(plan.services[0].container.platform, "linux/arm64");
}

}  // namespace
}  // namespace slipway::executors::docker
