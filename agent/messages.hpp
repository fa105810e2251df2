#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "agent/daemon_end.hpp"

namespace slipway::agent {

/// The payloads of frames, to bytes and back. Decoding takes hostile input: nullopt for what is not
/// well-formed, texts cut to their bounds. Layouts: docs/agent-protocol.md.

/// A *run* message may be as long as this, script and all.
inline constexpr std::size_t max_stage_message = 64 << 20;
inline constexpr std::size_t max_error_text = 1024;

/// Everything but the id, which stands in the frame's header; the body comes last.
std::string encode_stage(const Stage& stage);
std::optional<Stage> decode_stage(std::uint32_t id, std::string message);

/// A stage's message in the pieces that *run* frames carry: the same stage gives the same pieces in
/// every process of the same version.
class StageParts {
 public:
  explicit StageParts(const Stage& stage) : message_{encode_stage(stage)} {}
  /// At least 1. A message that is too long has its first piece alone: the agent refuses it by the
  /// size that stands there.
  std::size_t count() const;
  std::string payload(std::size_t part) const;

 private:
  std::string message_;
};

/// `position`: how much output there was, over all stages, when the stage had ended.
std::string encode_exit(const Exit& exit, std::uint64_t position);
struct PlacedExit {
  Exit exit;
  std::uint64_t position = 0;
};
std::optional<PlacedExit> decode_exit(std::uint32_t stage, std::string_view payload);

std::string encode_hello(const Hello& hello);
std::optional<Hello> decode_hello(std::string_view payload);

/// Payload of *resume*: how many ends the daemon has. Its offset stands in the header.
std::string encode_resume(std::uint64_t exits);

/// Payload of *resumed*.
struct ResumedPayload {
  Hello hello;
  /// What the *resume* asked for: an answer to the question of an earlier daemon or connection can
  /// still be on its way. Absent from the first builds of version 1.
  struct Echo {
    std::uint64_t offset = 0;
    std::uint64_t exits = 0;
    std::uint64_t exits_before = 0;  ///< number of the last *exit* that will not be sent
  };
  std::optional<Echo> echo;
};
std::string encode_resumed(const ResumedPayload& resumed);
std::optional<ResumedPayload> decode_resumed(std::string_view payload);

}  // namespace slipway::agent
