#include "tests/bench/table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

namespace slipway::bench {

namespace {

using Cells = std::array<std::string, 6>;

std::string_view name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::met:
      return "met";
    case Verdict::missed:
      return "MISSED";
    case Verdict::shown:
      return "-";
    case Verdict::wrong:
      return "WRONG";
  }
  return "?";
}

std::string number(double value) {
  if (value >= 1000) return fmt::format("{:.0f}", value);
  return value >= 100 ? fmt::format("{:.1f}", value) : fmt::format("{:.2f}", value);
}

std::string measured_text(const Row& row) {
  const auto& values = row.measured;
  if (values.empty()) return "";
  if (values.size() == 1) return fmt::format("{} {}", number(values.median()), row.unit);
  return fmt::format("{} [{}-{}] {}", number(values.median()), number(values.min()),
                     number(values.max()), row.unit);
}

Cells cells(const Row& row) {
  return {row.figure,         row.goal,
          measured_text(row), row.measured.empty() ? "" : std::to_string(row.measured.size()),
          row.ratio,          std::string{name_of(row.verdict)}};
}

std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

void print_cells(std::ostream& out, const Cells& cells, const std::array<std::size_t, 6>& widths) {
  for (std::size_t i = 0; i < cells.size(); ++i) {
    out << cells[i];
    if (i + 1 < cells.size()) out << std::string(widths[i] - width(cells[i]) + 2, ' ');
  }
  out << '\n';
}

}  // namespace

void Table::add(Row row) {
  rows_.push_back(std::move(row));
}

bool Table::all_right() const {
  return std::ranges::none_of(rows_, [](const Row& row) { return row.verdict == Verdict::wrong; });
}

void Table::print(std::ostream& out) const {
  std::vector<Cells> lines{{"figure", "goal", "median [min-max]", "n", "ratio", "verdict"}};
  for (const auto& row : rows_) lines.push_back(cells(row));
  std::array<std::size_t, 6> widths{};
  for (const auto& line : lines)
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], width(line[i]));
  print_cells(out, lines.front(), widths);
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    print_cells(out, lines[i + 1], widths);
    if (!rows_[i].remark.empty()) out << "    " << rows_[i].remark << '\n';
  }
}

std::string Table::json() const {
  auto rows = nlohmann::json::array();
  for (const auto& row : rows_)
    rows.push_back({{"figure", row.figure},
                    {"goal", row.goal},
                    {"unit", row.unit},
                    {"values", row.measured.values()},
                    {"median", row.measured.median()},
                    {"ratio", row.ratio},
                    {"verdict", name_of(row.verdict)},
                    {"remark", row.remark}});
  return rows.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

Verdict judge(bool goal_met) {
  return goal_met ? Verdict::met : Verdict::missed;
}

std::string ratio_text(double ratio) {
  return fmt::format("{:.2f}", ratio);
}

}  // namespace slipway::bench
