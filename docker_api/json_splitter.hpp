#pragma once

#include <cstddef>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace slipway::docker_api {

/// What the stream holds is no sequence of JSON objects, or an object is too big.
class MalformedStream : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Cuts a stream of JSON objects, with or without line ends between them, into single objects;
/// pure. The bytes may come in pieces of any size. It finds the ends only; whether an object is
/// well formed is for its parser to say.
class JsonSplitter {
 public:
  using Sink = std::function<void(std::string_view)>;

  explicit JsonSplitter(std::size_t max_object) : max_object_{max_object} {}

  /// Calls `sink` for each object that is complete; the view is valid during the call only.
  /// \throws MalformedStream, and what `sink` throws.
  void feed(std::string_view bytes, const Sink& sink);
  /// True between two objects: a stream may end here.
  bool complete() const { return depth_ == 0; }

 private:
  bool ends_object(char c);

  std::size_t max_object_;
  std::string pending_;
  std::size_t depth_ = 0;
  bool in_string_ = false;
  bool escaped_ = false;
};

}  // namespace slipway::docker_api
