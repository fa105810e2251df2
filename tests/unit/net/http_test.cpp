#include "net/http.hpp"

#include <gmock/gmock.h>

#include "net/endpoint.hpp"

namespace slipway::net {
namespace {

TEST(Headers, CompareNamesWithoutCaseAndKeepOrder) {
  Headers headers{{"Content-Type", "text/plain"}, {"X-A", "1"}, {"x-a", "2"}};
  EXPECT_EQ(headers.get("content-TYPE"), "text/plain");
  EXPECT_EQ(headers.find("X-a"), "1");
  EXPECT_EQ(headers.find("X-"), std::nullopt);
  EXPECT_EQ(headers.get("none"), "");
  headers.set("X-A", "3");
  EXPECT_EQ(headers.fields().size(), 2u);
  EXPECT_EQ(headers.get("x-a"), "3");
  headers.remove("x-A");
  headers.add("B", "4");
  EXPECT_THAT(headers.fields(), testing::ElementsAre(testing::Pair("Content-Type", "text/plain"),
                                                     testing::Pair("B", "4")));
}

TEST(MediaType, DropsParametersAndCase) {
  const std::pair<const char*, const char*> cases[] = {
      {"application/json", "application/json"},
      {" Text/HTML ; charset=UTF-8", "text/html"},
      {"", ""},
      {";", ""},
  };
  for (const auto& [text, want] : cases) EXPECT_EQ(media_type(text), want) << text;
}

TEST(Percent, RoundTripsEveryByte) {
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  EXPECT_EQ(percent_decode(percent_encode(all)), all);
  EXPECT_EQ(percent_encode("a-Z_0.~/ \xc3\xa9"), "a-Z_0.~%2F%20%C3%A9");
}

TEST(Percent, LeavesMalformedEscapes) {
  const std::pair<const char*, const char*> cases[] = {
      {"%", "%"}, {"a%2", "a%2"}, {"%zz", "%zz"}, {"%2g%41", "%2gA"}, {"a+b", "a+b"},
  };
  for (const auto& [text, want] : cases) EXPECT_EQ(percent_decode(text), want) << text;
  EXPECT_EQ(percent_decode("a+b%2B", true), "a b+");
}

TEST(QueryParameter, FindsDecodedValues) {
  const std::string target = "/x?a=1&b=%26+y&c&=empty&a=2#f=3";
  EXPECT_EQ(query_parameter(target, "a"), "1");
  EXPECT_EQ(query_parameter(target, "b"), "& y");
  EXPECT_EQ(query_parameter(target, "c"), "");
  EXPECT_EQ(query_parameter(target, "f"), std::nullopt);
  EXPECT_EQ(query_parameter("/x", "a"), std::nullopt);
  EXPECT_EQ(query_parameter("/x?", ""), std::nullopt);
}

struct UrlCase {
  const char* text;
  const char* userinfo;
  const char* host;
  int port;
  const char* path;
  bool tls = false;
};

TEST(ParseUrl, TakesAbsoluteHttpUrls) {
  const UrlCase cases[] = {
      {"http://gitlab.example.com", "", "gitlab.example.com", 80, ""},
      {"https://gitlab.example.com/", "", "gitlab.example.com", 443, "/", true},
      {"HTTPS://h:8443/a/b?c=d&e#frag", "", "h", 8443, "/a/b?c=d&e", true},
      {"http://h?x=1", "", "h", 80, "/?x=1"},
      {"http://user:p%40ss@10.0.0.1:8929/g.git", "user:p%40ss", "10.0.0.1", 8929, "/g.git"},
      {"http://[::1]:8080/", "", "::1", 8080, "/"},
      {"http://[2001:db8::1]", "", "2001:db8::1", 80, ""},
      {"http://h:/x", "", "h", 80, "/x"},
      {"http://h/@x:y", "", "h", 80, "/@x:y"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.text);
    const auto url = parse_url(c.text);
    ASSERT_TRUE(url);
    EXPECT_EQ(url->userinfo, c.userinfo);
    EXPECT_EQ(url->host, c.host);
    EXPECT_EQ(url->port, c.port);
    EXPECT_EQ(url->path, c.path);
    EXPECT_EQ(url->scheme == Endpoint::Scheme::https, c.tls);
  }
}

TEST(ParseUrl, RefusesEverythingElse) {
  for (const char* text : {"",
                           "http",
                           "http:",
                           "http://",
                           "http:///x",
                           "ftp://h/",
                           "//h/",
                           "h/x",
                           "http://h:0/",
                           "http://h:65536/",
                           "http://h:8x/",
                           "http://h:-1/",
                           "http://[::1",
                           "http://[::1]x",
                           "http://a b/",
                           "http://h/\r\nX: y",
                           "http://:80/",
                           "http://user@/",
                           "http://h:1:2/",
                           "http://a{b/",
                           " http://h/"})
    EXPECT_FALSE(parse_url(text)) << text;
}

TEST(Endpoint, ShowsItselfAndItsHost) {
  using Scheme = Endpoint::Scheme;
  const Endpoint plain{Scheme::http, "h", 80, {}};
  EXPECT_EQ(plain.display(), "h:80");
  EXPECT_EQ(plain.host_header(), "h");
  const Endpoint secure{Scheme::https, "::1", 8443, {}};
  EXPECT_EQ(secure.display(), "[::1]:8443");
  EXPECT_EQ(secure.host_header(), "[::1]:8443");
  EXPECT_EQ((Endpoint{Scheme::https, "::1", 443, {}}.host_header()), "[::1]");
  const Endpoint local{Scheme::unix_socket, "/run/docker.sock", 0, {}};
  EXPECT_EQ(local.display(), "/run/docker.sock");
  EXPECT_EQ(local.host_header(), "localhost");
}

}  // namespace
}  // namespace slipway::net
