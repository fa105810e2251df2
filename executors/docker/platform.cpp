#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "executors/docker/plan_parts.hpp"
#include "job/failure.hpp"

namespace slipway::executors::docker {

namespace {

/// Names of one architecture: the Engine's first.
struct Architecture {
  std::string_view name;
  std::string_view other;
};
constexpr std::array architectures{
    Architecture{"amd64", "x86_64"}, Architecture{"arm64", "aarch64"},
    Architecture{"386", "i386"},     Architecture{"arm", "armhf"},
    Architecture{"ppc64le", ""},     Architecture{"s390x", ""},
    Architecture{"riscv64", ""},     Architecture{"loong64", "loongarch64"},
    Architecture{"mips64le", ""},    Architecture{"mips64", ""},
    Architecture{"wasm", ""},
};

bool is_word(std::string_view text) {
  return !text.empty() && text.size() <= 32 &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789._-") ==
             std::string_view::npos;
}

}  // namespace

std::string normal_platform(const std::string& text, std::vector<std::string>& warnings) {
  if (text.empty()) return "";
  std::string lower = text;
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) {
    return static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  });
  std::vector<std::string> words;
  for (std::string_view rest = lower;;) {
    const auto slash = rest.find('/');
    words.emplace_back(rest.substr(0, slash));
    if (slash == std::string_view::npos) break;
    rest.remove_prefix(slash + 1);
  }
  const auto known = [&](const std::string& word) {
    return std::find_if(architectures.begin(), architectures.end(), [&](const Architecture& a) {
      return word == a.name || (word == a.other && !a.other.empty());
    });
  };
  if (words.size() == 1 && known(words[0]) != architectures.end())
    words.insert(words.begin(), "linux");
  if (words.size() < 2 || words.size() > 3 || !std::all_of(words.begin(), words.end(), is_word))
    throw job::Failure{job::FailureReason::runner_configuration_error,
                       fmt::format("invalid platform \"{}\": expected os/architecture[/variant]",
                                   text.substr(0, 100))};
  if (words[0] != "linux" && words[0] != "windows") {
    warnings.push_back(
        fmt::format("Platform \"{}\": no Engine runs {}, linux is used", text, words[0]));
    words[0] = "linux";
  }
  if (const auto found = known(words[1]); found != architectures.end()) words[1] = found->name;
  return fmt::format("{}", fmt::join(words, "/"));
}

}  // namespace slipway::executors::docker
