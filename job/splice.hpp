#pragma once

#include <string>
#include <string_view>

namespace slipway::job {

/// The output of one call of a filter: slices of its input, in order, and texts put between them.
/// As long as the output is one contiguous slice nothing is copied.
class Splice {
 public:
  void clear() {
    view_ = {};
    copy_.clear();
    copied_ = false;
  }
  /// Appends a slice of the input; the input must live until the result has been used.
  void keep(std::string_view slice) {
    if (slice.empty()) return;
    if (copied_) {
      copy_ += slice;
    } else if (view_.empty()) {
      view_ = slice;
    } else if (view_.data() + view_.size() == slice.data()) {
      view_ = {view_.data(), view_.size() + slice.size()};
    } else {
      put(slice);
    }
  }
  /// Appends a copy of `text`.
  void put(std::string_view text) {
    if (!copied_) copy_.assign(view_);
    copied_ = true;
    copy_ += text;
  }
  /// Valid until the next clear(), keep() or put().
  std::string_view result() const { return copied_ ? std::string_view{copy_} : view_; }

 private:
  std::string_view view_;
  std::string copy_;
  bool copied_ = false;
};

/// What hidden text is replaced by.
inline constexpr std::string_view masked_text = "[MASKED]";

}  // namespace slipway::job
