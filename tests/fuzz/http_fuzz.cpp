#include <array>
#include <memory>
#include <string>

#include "net/error.hpp"
#include "net/message.hpp"
#include "tests/fuzz/input.hpp"

namespace {

using namespace slipway;

constexpr std::size_t max_head = 2'048;

/// What a parser made of a message.
struct Record {
  std::string head;
  std::string body;
  bool done = false;
  bool failed = false;

  friend bool operator==(const Record&, const Record&) = default;
};

std::string head_text(const net::Head& head) {
  auto text = head.method + " " + head.target + " " + std::to_string(head.status);
  for (const auto& [name, value] : head.headers.fields()) text += "\n" + name + ": " + value;
  return text;
}

/// Offers what has come so far, as a reader does, until nothing more is taken.
void offer(net::Parser& parser, std::string& pending, std::size_t room, Record& record) {
  std::array<char, 64> out{};
  while (!parser.done() && !pending.empty()) {
    const std::span<char> space{out.data(), parser.head_done() ? room : 0};
    const auto progress = parser.put(pending, space, "peer");
    fuzz::require(progress.consumed <= pending.size(), "no more is taken than was offered");
    fuzz::require(progress.produced <= space.size(), "no more is given than there is room for");
    pending.erase(0, progress.consumed);
    record.body.append(out.data(), progress.produced);
    if (progress.consumed == 0 && progress.produced == 0) return;
  }
}

Record parse(std::unique_ptr<net::Parser> parser, std::string_view text, std::size_t step,
             std::size_t room) {
  Record record;
  std::string pending;
  const bool started = !text.empty();  // without a byte there is no message, and no end of one
  try {
    while (!text.empty() && !parser->done()) {
      pending += text.substr(0, step);
      text.remove_prefix(std::min(step, text.size()));
      offer(*parser, pending, room, record);
    }
    if (!parser->done() && started) parser->put_eof();
  } catch (const net::Error&) {
    record.failed = true;
  }
  record.done = parser->done();
  if (parser->head_done()) record.head = head_text(parser->head());
  return record;
}

}  // namespace

/// HTTP/1.1 messages of clients and servers: how they are cut changes nothing.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input{data, size};
  const auto kind = input.below(3);
  const auto step = 1 + input.below(40);
  const auto make = [kind] {
    return kind == 0 ? net::request_parser(max_head) : net::response_parser(max_head, kind == 2);
  };
  const auto whole = parse(make(), input.rest(), input.rest().size(), 64);
  const auto pieces = parse(make(), input.rest(), step, 1 + step % 64);
  if (whole.failed || pieces.failed) return 0;
  fuzz::require(whole == pieces, "how a message is cut changes nothing");
  return 0;
}
