#include "local/yaml/events.hpp"

#include <yaml.h>

#include <new>

#include "local/yaml/parse.hpp"

namespace slipway::local::yaml {
namespace {

std::string text_of(const yaml_char_t* text) {
  return text ? reinterpret_cast<const char*>(text) : "";
}

}  // namespace

struct EventReader::Parser {
  yaml_parser_t state{};
  const ParseOptions* options = nullptr;
  bool ended = false;

  Mark place(const yaml_mark_t& mark) const {
    const auto line = static_cast<std::uint32_t>(mark.line + 1);
    const auto column = static_cast<std::uint32_t>(mark.column + 1);
    return options->place ? options->place(line, column) : Mark{options->source, line, column};
  }

  [[noreturn]] void fail() const {
    std::string text = state.problem ? state.problem : "not readable as YAML";
    if (state.error == YAML_MEMORY_ERROR) throw std::bad_alloc{};
    if (state.error == YAML_READER_ERROR) {
      // The reader knows an offset in bytes only, and no line yet.
      throw Error{place(state.mark), text + " (byte " + std::to_string(state.problem_offset) + ")"};
    }
    if (state.context) text += std::string{" "} + state.context;
    throw Error{place(state.problem_mark), "YAML: " + text};
  }
};

EventReader::EventReader(std::string_view text, const ParseOptions& options)
    : parser_{std::make_unique<Parser>()} {
  parser_->options = &options;
  if (text.empty()) text = "";  // libyaml takes no null pointer
  if (yaml_parser_initialize(&parser_->state) == 0) throw std::bad_alloc{};
  yaml_parser_set_input_string(&parser_->state, reinterpret_cast<const unsigned char*>(text.data()),
                               text.size());
  yaml_parser_set_encoding(&parser_->state, YAML_UTF8_ENCODING);
}

EventReader::~EventReader() {
  yaml_parser_delete(&parser_->state);
}

Event EventReader::next() {
  Event result;
  if (parser_->ended) return result;
  yaml_event_t event;
  if (yaml_parser_parse(&parser_->state, &event) == 0) parser_->fail();
  const std::unique_ptr<yaml_event_t, decltype(&yaml_event_delete)> release{&event,
                                                                            yaml_event_delete};
  result.mark = parser_->place(event.start_mark);
  switch (event.type) {
    case YAML_STREAM_START_EVENT:
      result.type = EventType::stream_start;
      break;
    case YAML_DOCUMENT_START_EVENT:
      result.type = EventType::document_start;
      break;
    case YAML_DOCUMENT_END_EVENT:
      result.type = EventType::document_end;
      break;
    case YAML_ALIAS_EVENT:
      result.type = EventType::alias;
      result.anchor = text_of(event.data.alias.anchor);
      break;
    case YAML_SCALAR_EVENT: {
      const auto& scalar = event.data.scalar;
      result.type = EventType::scalar;
      result.anchor = text_of(scalar.anchor);
      result.tag = text_of(scalar.tag);
      result.text.assign(reinterpret_cast<const char*>(scalar.value), scalar.length);
      result.plain = scalar.style == YAML_PLAIN_SCALAR_STYLE;
      break;
    }
    case YAML_SEQUENCE_START_EVENT:
      result.type = EventType::sequence_start;
      result.anchor = text_of(event.data.sequence_start.anchor);
      result.tag = text_of(event.data.sequence_start.tag);
      break;
    case YAML_SEQUENCE_END_EVENT:
      result.type = EventType::sequence_end;
      break;
    case YAML_MAPPING_START_EVENT:
      result.type = EventType::mapping_start;
      result.anchor = text_of(event.data.mapping_start.anchor);
      result.tag = text_of(event.data.mapping_start.tag);
      break;
    case YAML_MAPPING_END_EVENT:
      result.type = EventType::mapping_end;
      break;
    case YAML_STREAM_END_EVENT:
    case YAML_NO_EVENT:
      parser_->ended = true;
      break;
  }
  return result;
}

}  // namespace slipway::local::yaml
