#include <array>
#include <stdexcept>
#include <string>

#include "docker_api/stream.hpp"
#include "tests/fuzz/input.hpp"

namespace {

using namespace slipway;

/// What a parser made of a stream: the bytes of each type, and the error that ended it.
struct Record {
  std::array<std::string, 4> streams;
  std::string error;

  friend bool operator==(const Record&, const Record&) = default;
};

}  // namespace

/// The Engine's multiplexed stream: how it is cut changes nothing.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input{data, size};
  const auto seed = input.number();
  const auto parse = [&](bool in_pieces) {
    Record record;
    docker_api::StreamParser parser;
    const docker_api::StreamParser::Sink sink = [&](docker_api::StreamType type,
                                                    std::string_view bytes) {
      record.streams.at(static_cast<std::size_t>(type)) += bytes;
    };
    try {
      if (in_pieces)
        fuzz::in_pieces(input.rest(), seed,
                        [&](std::string_view piece) { parser.feed(piece, sink); });
      else
        parser.feed(input.rest(), sink);
    } catch (const std::runtime_error& error) {
      record.error = error.what();
    }
    return record;
  };
  const auto whole = parse(false);
  const auto pieces = parse(true);
  fuzz::require(whole == pieces, "how the stream is cut changes nothing");
  return 0;
}
