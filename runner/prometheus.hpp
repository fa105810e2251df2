#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// The text format that Prometheus reads. Pure.
/// Source: Prometheus, "Exposition formats", text format 0.0.4.
namespace slipway::runner {

using MetricLabels = std::vector<std::pair<std::string, std::string>>;

/// Counts observations by size; for durations, in seconds.
class Histogram {
 public:
  /// \param bounds  upper limits of the buckets, ascending; one without limit is added.
  explicit Histogram(std::vector<double> bounds);

  void observe(double value);
  const std::vector<double>& bounds() const { return bounds_; }
  /// Observations at or below bounds()[i].
  std::uint64_t at_or_below(std::size_t i) const;
  std::uint64_t count() const { return count_; }
  double sum() const { return sum_; }

 private:
  std::vector<double> bounds_;
  std::vector<std::uint64_t> buckets_;
  std::uint64_t count_ = 0;
  double sum_ = 0;
};

/// Builds the text: a family() with its samples, then the next.
class Exposition {
 public:
  enum class Type { counter, gauge, histogram };

  /// Of the samples that follow. Names and help texts are ours: plain ASCII without line feeds.
  void family(std::string_view name, Type type, std::string_view help);
  /// Label values may be anything; they are escaped, and cut where a peer made them too long.
  void sample(const MetricLabels& labels, double value);
  void sample(double value) { sample({}, value); }
  void sample(const MetricLabels& labels, const Histogram& histogram);

  std::string text() && { return std::move(text_); }

 private:
  void line(std::string_view suffix, const MetricLabels& labels, double value);

  std::string name_;
  std::string text_;
};

}  // namespace slipway::runner
