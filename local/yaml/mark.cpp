#include "local/yaml/mark.hpp"

namespace slipway::local::yaml {

std::uint32_t Sources::add(std::string name, Mark included_from) {
  files_.push_back({std::move(name), included_from});
  return static_cast<std::uint32_t>(files_.size() - 1);
}

const std::string& Sources::name(std::uint32_t source) const {
  return files_.at(source).name;
}

Mark Sources::included_from(std::uint32_t source) const {
  return files_.at(source).included_from;
}

std::string Sources::describe(const Mark& mark) const {
  if (mark.source >= files_.size()) return {};
  auto text = files_[mark.source].name;
  if (mark.line > 0) text += ":" + std::to_string(mark.line) + ":" + std::to_string(mark.column);
  return text;
}

std::vector<std::string> Sources::chain(const Mark& mark) const {
  std::vector<std::string> result;
  // A file is always added after the one that includes it, so this ends.
  for (auto at = mark.source; at < files_.size();) {
    const auto& from = files_[at].included_from;
    if (from.line == 0) break;
    result.push_back(describe(from));
    if (from.source >= at) break;
    at = from.source;
  }
  return result;
}

}  // namespace slipway::local::yaml
