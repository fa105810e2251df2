#include <gmock/gmock.h>

#include <algorithm>

#include "net/encode.hpp"
#include "net/message.hpp"

namespace slipway::net {
namespace {

struct Parsed {
  Head head;
  std::string body;
  bool done = false;
  bool keep_alive = false;
  std::string rest;
  std::string error;
};

/// Feeds `wire` in pieces of `step` bytes, taking body bytes through a buffer of `room`.
Parsed parse(Parser& parser, const std::string& wire, std::size_t step, std::size_t room,
             bool ends = false) {
  Parsed result;
  std::string input;
  std::string out(room, '\0');
  std::size_t fed = 0;
  try {
    while (!parser.done()) {
      Parser::Progress progress;
      if (!input.empty()) {
        const auto space = parser.head_done() ? std::span<char>{out} : std::span<char>{};
        progress = parser.put(input, space, "peer");
        input.erase(0, progress.consumed);
        result.body.append(out, 0, progress.produced);
      }
      if (progress.consumed > 0 && !progress.want_more) continue;
      if (fed == wire.size()) break;
      input += wire.substr(fed, step);
      fed = std::min(fed + step, wire.size());
    }
    if (ends && !parser.done()) parser.put_eof();
  } catch (const Error& error) {
    result.error = error.what();
  }
  result.head = parser.head();
  result.done = parser.done();
  result.keep_alive = result.done && parser.keep_alive();
  result.rest = input + wire.substr(std::min(fed, wire.size()));
  return result;
}

constexpr std::size_t max_head = 4096;

struct ResponseCase {
  const char* what;
  const char* wire;
  int status;
  const char* body;
  bool keep_alive = true;
  bool head_only = false;
  bool ends = false;
};

TEST(ResponseParser, ReadsBodiesHoweverTheyAreCut) {
  const ResponseCase cases[] = {
      {"length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello"},
      {"no body", "HTTP/1.1 204 No Content\r\nX: y\r\n\r\n", 204, ""},
      {"not modified", "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", 304, ""},
      {"head", "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", 200, "", true, true},
      {"empty", "HTTP/1.1 201 \r\nContent-Length: 0\r\n\r\n", 201, ""},
      {"chunked",
       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA\r\n0123456789"
       "\r\n0\r\n\r\n",
       200, "abc0123456789"},
      {"extensions and trailers",
       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b;c=\"d;e\"\r\nabc\r\n0;last\r\n"
       "X-Trailer: 1\r\nX-Two: 2\r\n\r\n",
       200, "abc"},
      {"until close", "HTTP/1.1 200 OK\r\n\r\nall of it", 200, "all of it", false, false, true},
      {"old", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, "ok", false},
      {"old but kept", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok",
       200, "ok", true},
      {"close", "HTTP/1.1 500 No\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx", 500, "x",
       false},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    const std::string wire = c.wire;
    for (std::size_t step = 1; step <= wire.size(); ++step) {
      const auto parser = response_parser(max_head, c.head_only);
      const auto got = parse(*parser, wire, step, 1 + step % 4, c.ends);
      ASSERT_EQ(got.error, "") << step;
      ASSERT_EQ(got.head.status, c.status) << step;
      ASSERT_EQ(got.body, c.body) << step;
      ASSERT_TRUE(got.done) << step;
      ASSERT_EQ(got.keep_alive, c.keep_alive) << step;
    }
  }
}

TEST(ResponseParser, StopsAtTheEndOfItsMessage) {
  for (const std::string first :
       {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 101 Switching\r\nUpgrade: tcp\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"}) {
    const auto parser = response_parser(max_head, false);
    const auto got = parse(*parser, first + "HTTP/1.1 next", 1000, 100);
    EXPECT_EQ(got.error, "");
    EXPECT_TRUE(got.done);
    EXPECT_EQ(got.rest, "HTTP/1.1 next");
  }
}

TEST(ResponseParser, TrailersDoNotBecomeHeaders) {
  const auto parser = response_parser(max_head, false);
  const auto got = parse(*parser,
                         "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nEvil: 1"
                         "\r\n\r\n",
                         1000, 10);
  EXPECT_TRUE(got.done);
  EXPECT_EQ(got.head.headers.find("Evil"), std::nullopt);
}

TEST(ResponseParser, RefusesWhatIsNotHttp) {
  const char* const wires[] = {
      "SSH-2.0-OpenSSH_9.2\r\n",
      "HTTP/2 200\r\n\r\n",
      "HTTP/1.1 20 OK\r\n\r\n",
      "HTTP/1.1 200 OK\nX: y\n\n",
      "HTTP/1.1 200 OK\r\nNo colon\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
  };
  for (const std::string wire : wires) {
    SCOPED_TRACE(wire);
    for (const std::size_t step : {std::size_t{1}, wire.size()}) {
      const auto parser = response_parser(max_head, false);
      EXPECT_THAT(parse(*parser, wire + "\r\n\r\n", step, 8).error,
                  testing::StartsWith("HTTP with peer: "));
    }
  }
}

TEST(ResponseParser, KnowsAnotherProtocolByItsFirstByte) {
  const auto parser = response_parser(max_head, false);
  EXPECT_EQ(parse(*parser, "SSH-2.0-OpenSSH", 1, 8).error,
            "HTTP with peer: it does not answer in HTTP");
}

TEST(ResponseParser, KnowsACutMessage) {
  const std::string wire =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
  for (std::size_t size = 1; size < wire.size(); ++size) {
    const auto parser = response_parser(max_head, false);
    const auto got = parse(*parser, wire.substr(0, size), 7, 8, true);
    EXPECT_FALSE(got.done) << size;
  }
}

TEST(RequestParser, LimitsTheSumOfTheHeaders) {
  std::string wire = "GET / HTTP/1.1\r\n";
  for (int i = 0; i < 200; ++i) wire += "X-Field: 0123456789\r\n";
  wire += "\r\n";
  // All at once, and so slowly that no unparsed rest is ever long.
  for (const std::size_t step : {std::size_t{1}, std::size_t{21}, wire.size()}) {
    const auto strict = request_parser(max_head);
    EXPECT_EQ(parse(*strict, wire, step, 8).error, "answer of peer: the headers are too large");
    const auto generous = request_parser(2 * max_head);
    const auto got = parse(*generous, wire, step, 8);
    EXPECT_EQ(got.error, "");
    EXPECT_EQ(got.head.headers.fields().size(), 200u);
  }
}

TEST(RequestParser, ReadsItsOwnEncoding) {
  Request request{
      "POST", "/a?b=c", {{"X-One", "1"}, {"Content-Length", "999"}, {"Host", "evil"}}, ""};
  const auto wire = encode_request(request, "host:80", {Framing::Kind::length, 3}, "tcp") + "abc";
  const auto parser = request_parser(max_head);
  const auto got = parse(*parser, wire, 5, 8);
  EXPECT_EQ(got.error, "");
  EXPECT_EQ(got.head.method, "POST");
  EXPECT_EQ(got.head.target, "/a?b=c");
  EXPECT_EQ(got.head.headers.get("Host"), "host:80");
  EXPECT_EQ(got.head.headers.get("Upgrade"), "tcp");
  EXPECT_EQ(got.body, "abc");
}

TEST(Encode, NothingBreaksOutOfItsLine) {
  const Request requests[] = {
      {"GET /x HTTP/1.1\r\nA:", "/", {}, ""},
      {"GET", "/ HTTP/1.1\r\nA: b", {}, ""},
      {"GET", "/a b", {}, ""},
      {"GET", "", {}, ""},
      {"GET", "/", {{"A\r\nB", "c"}}, ""},
      {"GET", "/", {{"A:", "c"}}, ""},
      {"GET", "/", {{"", "c"}}, ""},
      {"GET", "/", {{"A", "b\r\nC: d"}}, ""},
      {"GET", "/", {{"A", std::string{"b\0c", 3}}}, ""},
  };
  for (const auto& request : requests)
    EXPECT_THROW(encode_request(request, "h", {}, ""), Error) << request.target;
  EXPECT_THROW(encode_response({200, "OK\r\nX: y", {}, ""}, {}, false), Error);
}

TEST(Encode, ErrorsDoNotShowValues) {
  try {
    encode_request({"GET", "/", {{"PRIVATE-TOKEN", "s3cret\n"}}, ""}, "h", {}, "");
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "HTTP: a line break in PRIVATE-TOKEN");
  }
}

TEST(Encode, FramesChunksInPlace) {
  for (const std::size_t size :
       {std::size_t{1}, std::size_t{15}, std::size_t{16}, std::size_t{70000}}) {
    std::vector<char> buffer(chunk_front + size + chunk_back, 'x');
    const std::string wire = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" +
                             std::string{frame_chunk(buffer.data(), size)} + "0\r\n\r\n";
    const auto parser = response_parser(max_head, false);
    EXPECT_EQ(parse(*parser, wire, 4000, 5000).body, std::string(size, 'x'));
  }
}

}  // namespace
}  // namespace slipway::net
