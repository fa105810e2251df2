#pragma once

namespace slipway::runner {

/// How many job requests of one runner may be under way at once: `request_concurrency`, and with
/// FF_USE_ADAPTIVE_REQUEST_CONCURRENCY only as many as bring jobs.
class RequestLimit {
 public:
  enum class Outcome {
    job,
    none,    ///< nothing to do, or a failure
    retried  ///< the coordinator was so busy that the request had to be repeated
  };

  /// \param hard  below 1: 1.
  RequestLimit(int hard, bool adaptive);

  void note(Outcome outcome);
  int current() const;
  int hard() const { return hard_; }
  double adaptive() const { return adaptive_ ? level_ : hard_; }

 private:
  int hard_;
  bool adaptive_;
  double level_ = 1;
};

}  // namespace slipway::runner
