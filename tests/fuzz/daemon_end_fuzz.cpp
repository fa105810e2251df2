#include <string>
#include <variant>

#include "agent/daemon_end.hpp"
#include "agent/frame.hpp"
#include "agent/messages.hpp"
#include "tests/fuzz/input.hpp"

namespace {

using namespace slipway;

constexpr auto mark_text = "00ff0a7f80c3a95e";
const agent::Mark mark{mark_text};

/// Follows one container, from its start or from a checkpoint: output is counted without gaps,
/// whatever comes in.
class Daemon {
 public:
  explicit Daemon(std::size_t seed) : end_{mark_text}, seed_{seed}, ready_{seed % 2 == 0} {
    if (ready_) {
      end_.bootstrap("/.slipway");
      return;
    }
    const agent::Continuation from{seed, seed % 8, seed % 16};
    end_ = agent::DaemonEnd{mark_text, from};
    delivered_ = from.offset;
    exits_ = from.exits;
    end_.resume();
  }

  void receive(agent::Stream stream, std::string_view bytes) {
    fuzz::in_pieces(bytes, seed_, [&](std::string_view piece) { end_.receive(stream, piece); });
    drain();
  }
  void drain() {
    while (auto event = end_.next()) {
      // An agent that has nothing older leaves a gap, and says so.
      if (const auto* resumed = std::get_if<agent::Resumed>(&*event))
        delivered_ = std::max(delivered_, resumed->offset), ready_ = true;
      const auto* output = std::get_if<agent::Output>(&*event);
      if (!output) continue;
      fuzz::require(output->offset == delivered_, "output comes without a gap");
      fuzz::require(!output->bytes.empty(), "output holds bytes");
      delivered_ += output->bytes.size();
      fuzz::require(end_.next_offset() == delivered_, "the next offset is that of the next byte");
    }
  }
  void command(fuzz::Input& input) {
    const auto number = input.below(7);
    if (!ready_ && (number < 2 || number > 5)) return;
    switch (number) {
      case 0: {
        agent::Stage stage;
        stage.id = ++stages_;
        stage.name = input.text();
        stage.body = input.text();
        input.number() < 128 ? end_.run(stage) : end_.continue_run(stage, stages_);
        break;
      }
      case 1:
        end_.signal(static_cast<std::uint32_t>(input.number()), agent::Signal::terminate);
        break;
      case 2:
        end_.ack(std::min<std::uint64_t>(delivered_, input.number()));
        break;
      case 3:
        end_.resume();
        break;
      case 4:
        end_.ping();
        break;
      case 5:
        end_.receive_eof();
        drain();
        break;
      default:
        end_.quit(0);
    }
  }
  void frame(fuzz::Input& input) {
    agent::Frame frame;
    const auto text = std::string{input.text()};
    std::string payload = text;
    constexpr agent::FrameType types[] = {agent::FrameType::hello, agent::FrameType::output,
                                          agent::FrameType::exit,  agent::FrameType::resumed,
                                          agent::FrameType::alive, agent::FrameType::run};
    frame.type = types[input.below(std::size(types))];
    frame.flags = input.number();
    frame.stage = input.number();
    // Mostly what fits, so that the interesting states are reached.
    const auto shift = input.number();
    frame.number = shift < 128 ? delivered_ : shift - 128;
    frame.confirm = input.number();
    const bool made = input.number() < 128;
    if (made && frame.type == agent::FrameType::hello) {
      const agent::Hello hello{agent::protocol_version, "1"};
      payload = agent::encode_hello(hello);
    } else if (made && frame.type == agent::FrameType::resumed) {
      agent::ResumedPayload answer{{agent::protocol_version, "1"}, {}};
      if (frame.flags % 2 == 0) answer.echo = {delivered_, end_.exits_taken(), exits_};
      payload = agent::encode_resumed(answer);
    } else if (made && frame.type == agent::FrameType::exit) {
      const agent::Exit exit{frame.stage, frame.flags};
      payload = agent::encode_exit(exit, delivered_);
      frame.number = ++exits_;
    }
    frame.payload = payload;
    receive(agent::Stream::out, agent::encode(mark, frame));
  }

 private:
  agent::DaemonEnd end_;
  std::size_t seed_;
  bool ready_;  ///< commands may be sent
  std::uint64_t delivered_ = 0;
  std::uint64_t exits_ = 0;
  std::uint32_t stages_ = 0;
};

}  // namespace

/// What a container sends to the daemon, hostile or not, between the daemon's own commands.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input{data, size};
  Daemon daemon{input.number()};
  while (!input.empty()) {
    switch (input.below(4)) {
      case 0:
        daemon.receive(agent::Stream::out, input.text());
        break;
      case 1:
        daemon.receive(agent::Stream::err, input.text());
        break;
      case 2:
        daemon.command(input);
        break;
      default:
        daemon.frame(input);
    }
  }
  return 0;
}
