#include "docker_api/json_splitter.hpp"

#include <utility>

namespace slipway::docker_api {
namespace {

bool is_space(char c) {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

}  // namespace

bool JsonSplitter::ends_object(char c) {
  if (in_string_) {
    if (escaped_)
      escaped_ = false;
    else if (c == '\\')
      escaped_ = true;
    else if (c == '"')
      in_string_ = false;
    return false;
  }
  if (c == '"') {
    in_string_ = true;
  } else if (c == '{' || c == '[') {
    ++depth_;
  } else if (c == '}' || c == ']') {
    --depth_;
  }
  return depth_ == 0;
}

void JsonSplitter::feed(std::string_view bytes, const Sink& sink) {
  std::size_t begin = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (depth_ == 0) {
      begin = i + 1;
      if (is_space(bytes[i])) continue;
      if (bytes[i] != '{') throw MalformedStream{"something else than a JSON object"};
      begin = i;
    }
    if (!ends_object(bytes[i])) continue;
    const auto piece = bytes.substr(begin, i + 1 - begin);
    if (pending_.size() + piece.size() > max_object_)
      throw MalformedStream{"a JSON object above the size limit"};
    if (pending_.empty()) {
      sink(piece);
    } else {
      pending_ += piece;
      const auto object = std::move(pending_);
      pending_.clear();
      sink(object);
    }
    begin = i + 1;
  }
  if (depth_ == 0) return;
  if (pending_.size() + bytes.size() - begin > max_object_)
    throw MalformedStream{"a JSON object above the size limit"};
  pending_ += bytes.substr(begin);
}

}  // namespace slipway::docker_api
