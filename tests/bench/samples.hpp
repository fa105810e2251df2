#pragma once

#include <chrono>
#include <cstddef>
#include <vector>

namespace slipway::bench {

using Clock = std::chrono::steady_clock;

/// Milliseconds, with fraction.
double milliseconds(Clock::duration duration);

/// Values of one figure, in the order of measuring.
class Samples {
 public:
  Samples() = default;
  Samples(std::initializer_list<double> values) : values_{values} {}

  void add(double value) { values_.push_back(value); }
  bool empty() const { return values_.empty(); }
  std::size_t size() const { return values_.size(); }
  const std::vector<double>& values() const { return values_; }
  /// Of no values: 0.
  double median() const;
  double min() const;
  double max() const;

 private:
  std::vector<double> values_;
};

}  // namespace slipway::bench
