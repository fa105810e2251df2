#include <string>
#include <vector>

#include "agent/frame.hpp"
#include "tests/fuzz/input.hpp"

namespace {

using namespace slipway;

const agent::Mark mark{"00ff0a7f80c3a95e"};

/// All that was found, as text; foreign bytes joined, as their pieces may differ.
struct Record final : agent::FrameSink {
  void on_frame(const agent::Frame& frame) override {
    fuzz::require(frame.payload.size() <= agent::max_payload, "a payload has its bound");
    text += "\nframe " + agent::encode(mark, frame) + "\n";
    in_foreign = false;
  }
  void on_foreign(std::string_view bytes) override {
    foreign += bytes.size();
    if (!bytes.empty() && !in_foreign) text += "\nforeign ";
    in_foreign = in_foreign || !bytes.empty();
    text += bytes;
  }
  std::string text;
  std::size_t foreign = 0;
  bool in_foreign = false;
};

agent::Frame read_frame(fuzz::Input& input) {
  agent::Frame frame;
  frame.type = static_cast<agent::FrameType>(input.number());
  frame.flags = input.number();
  frame.stage = input.number();
  frame.number = input.number();
  frame.confirm = input.number();
  frame.payload = input.text();
  return frame;
}

}  // namespace

/// A container's output with frames in it, whole and damaged: how it is cut changes nothing, and no
/// byte is lost or doubled.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input{data, size};
  const auto seed = input.number();
  std::string wire;
  std::size_t intact = 0;
  while (!input.empty()) {
    switch (input.below(4)) {
      case 0:
        wire += input.text();
        break;
      case 1:
        wire += agent::encode(mark, read_frame(input));
        break;
      case 2: {
        auto frame = agent::encode(mark, read_frame(input));
        const auto at = input.number() % frame.size();
        frame[at] = static_cast<char>(frame[at] ^ (1 + input.below(255)));
        wire += frame;
        break;
      }
      default: {
        const auto frame = agent::encode(mark, read_frame(input));
        wire += frame.substr(0, input.number());
      }
    }
  }
  Record whole;
  agent::FrameParser parser{mark};
  parser.feed(wire, whole);
  fuzz::require(whole.foreign <= wire.size(), "no foreign byte is doubled");
  parser.flush(whole);
  Record pieces;
  fuzz::in_pieces(wire, seed, [&](std::string_view piece) { parser.feed(piece, pieces); });
  parser.flush(pieces);
  fuzz::require(whole.text == pieces.text, "how the stream is cut changes nothing");
  intact = wire.size() - whole.foreign;
  fuzz::require(intact == wire.size() - pieces.foreign, "no byte is lost");
  return 0;
}
