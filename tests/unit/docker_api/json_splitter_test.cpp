#include "docker_api/json_splitter.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace slipway::docker_api {
namespace {

using testing::ElementsAre;

std::vector<std::string> split(const std::vector<std::string>& pieces, bool complete = true) {
  std::vector<std::string> objects;
  JsonSplitter splitter{100};
  const JsonSplitter::Sink sink = [&](std::string_view object) { objects.emplace_back(object); };
  for (const auto& piece : pieces) splitter.feed(piece, sink);
  EXPECT_EQ(splitter.complete(), complete);
  return objects;
}

TEST(JsonSplitter, FindsObjectsWithOrWithoutLineEnds) {
  EXPECT_THAT(split({"{\"a\":1}\r\n{\"b\":{}}\n\n"}), ElementsAre("{\"a\":1}", "{\"b\":{}}"));
  EXPECT_THAT(split({"{}{}  {}"}), ElementsAre("{}", "{}", "{}"));
  EXPECT_THAT(split({}), ElementsAre());
  EXPECT_THAT(split({"{\"a\":\"}\\\"{\"}"}), ElementsAre("{\"a\":\"}\\\"{\"}"));
  EXPECT_THAT(split({"{\"a\":\"\\\\\"}{}"}), ElementsAre("{\"a\":\"\\\\\"}", "{}"));
  EXPECT_THAT(split({"{\"a\":[{},{}]}"}), ElementsAre("{\"a\":[{},{}]}"));
}

TEST(JsonSplitter, IsTheSameAtEveryCut) {
  const std::string text = "{\"a\":\"x\\\"}y\"}\r\n{\"b\":[1,{\"c\":2}]}{\"d\":\"{\"} ";
  const auto want = split({text});
  ASSERT_EQ(want.size(), 3u);
  for (std::size_t cut = 0; cut <= text.size(); ++cut)
    EXPECT_EQ(split({text.substr(0, cut), text.substr(cut)}), want) << cut;
  std::vector<std::string> bytes;
  for (const char c : text) bytes.emplace_back(1, c);
  EXPECT_EQ(split(bytes), want);
}

TEST(JsonSplitter, SaysThatAnObjectIsNotComplete) {
  EXPECT_THAT(split({"{}{\"a\":"}, false), ElementsAre("{}"));
  EXPECT_THAT(split({"{\"a\":\"}"}, false), ElementsAre());
}

TEST(JsonSplitter, RefusesOtherText) {
  EXPECT_THROW(split({"<html>"}), MalformedStream);
  EXPECT_THROW(split({"{} 7"}), MalformedStream);
  EXPECT_THROW(split({"}"}), MalformedStream);
}

TEST(JsonSplitter, BoundsAnObject) {
  const auto big = "{\"a\":\"" + std::string(100, 'x') + "\"}";
  EXPECT_THROW(split({big}), MalformedStream);
  EXPECT_THROW(split({big.substr(0, 60), big.substr(60)}), MalformedStream);
  EXPECT_THROW(split({big.substr(0, 101)}, false), MalformedStream);
}

}  // namespace
}  // namespace slipway::docker_api
