#include <re2/re2.h>

#include "local/exec/run.hpp"

namespace slipway::local::exec {

std::string find_coverage(const std::string& log, const std::string& pattern) {
  if (pattern.size() < 2 || pattern.front() != '/') return {};
  const auto end = pattern.rfind('/');
  const RE2 regex{"(?m)" + pattern.substr(1, end - 1), RE2::Quiet};
  static const RE2 number{R"((\d+(?:\.\d+)?))"};
  if (!regex.ok()) return {};
  std::string found;
  re2::StringPiece rest{log};
  re2::StringPiece groups[2];
  const int wanted = regex.NumberOfCapturingGroups() > 0 ? 2 : 1;
  std::size_t at = 0;
  while (at <= log.size() && regex.Match(rest, at, log.size(), RE2::UNANCHORED, groups, wanted)) {
    const auto text = wanted == 2 && groups[1].data() != nullptr ? groups[1] : groups[0];
    std::string value;
    if (RE2::PartialMatch(text, number, &value)) found = value;
    const auto next = static_cast<std::size_t>(groups[0].data() - log.data()) + groups[0].size();
    at = next > at ? next : at + 1;
  }
  return found;
}

}  // namespace slipway::local::exec
