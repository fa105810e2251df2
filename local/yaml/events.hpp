#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "local/yaml/mark.hpp"

namespace slipway::local::yaml {

struct ParseOptions;

enum class EventType {
  stream_start,
  stream_end,
  document_start,
  document_end,
  alias,
  scalar,
  sequence_start,
  sequence_end,
  mapping_start,
  mapping_end,
};

/// One event of the YAML parser.
struct Event {
  EventType type = EventType::stream_end;
  Mark mark;
  std::string anchor;  ///< of a value, or what an alias names
  std::string tag;     ///< written out; empty if there is none
  std::string text;    ///< of a scalar
  bool plain = false;  ///< scalar without quotes
};

/// Reads a text event by event with libyaml. `text` and `options` must outlive it.
class EventReader {
 public:
  EventReader(std::string_view text, const ParseOptions& options);
  ~EventReader();
  EventReader(const EventReader&) = delete;
  EventReader& operator=(const EventReader&) = delete;

  /// stream_end for ever once the text is over. \throws Error for what is no YAML.
  Event next();

 private:
  struct Parser;
  std::unique_ptr<Parser> parser_;
};

}  // namespace slipway::local::yaml
