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

/// `position`: how much output there was, over all stages, when the stage had ended.
std::string encode_exit(const Exit& exit, std::uint64_t position);
struct PlacedExit {
  Exit exit;
  std::uint64_t position = 0;
};
std::optional<PlacedExit> decode_exit(std::uint32_t stage, std::string_view payload);

std::string encode_hello(const Hello& hello);
std::optional<Hello> decode_hello(std::string_view payload);

}  // namespace slipway::agent
