#pragma once

#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "tests/bench/samples.hpp"

namespace slipway::bench {

/// met, missed: measured against its goal. shown: has no goal of its own. wrong: the result check
/// failed, so nothing was measured.
enum class Verdict { met, missed, shown, wrong };

/// One line of the table.
struct Row {
  std::string figure;
  std::string goal;
  Samples measured;
  std::string unit;
  std::string ratio;  ///< as text, "" = none
  Verdict verdict = Verdict::shown;
  std::string remark;
};

/// All that a run has measured.
class Table {
 public:
  void add(Row row);
  bool empty() const { return rows_.empty(); }
  /// Whether every figure's result was right; a missed goal does not count as wrong.
  bool all_right() const;
  /// Aligned columns, remarks under their figures.
  void print(std::ostream& out) const;
  std::string json() const;

 private:
  std::vector<Row> rows_;
};

Verdict judge(bool goal_met);
/// `0.93`
std::string ratio_text(double ratio);

}  // namespace slipway::bench
