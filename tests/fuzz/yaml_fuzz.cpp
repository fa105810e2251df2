#include "local/yaml/document.hpp"
#include "local/yaml/emit.hpp"
#include "local/yaml/parse.hpp"
#include "tests/fuzz/input.hpp"

namespace {

using slipway::local::yaml::Kind;
using slipway::local::yaml::Node;

bool same(const Node& a, const Node& b) {
  if (a.kind() != b.kind() || a.text() != b.text() || a.items().size() != b.items().size() ||
      a.entries().size() != b.entries().size())
    return false;
  for (std::size_t at = 0; at < a.items().size(); ++at)
    if (!same(*a.items()[at], *b.items()[at])) return false;
  for (std::size_t at = 0; at < a.entries().size(); ++at) {
    const auto& one = a.entries().entries()[at];
    const auto& other = b.entries().entries()[at];
    if (one.key != other.key || !same(*one.value, *other.value)) return false;
  }
  return true;
}

}  // namespace

/// YAML: any text gives a tree within the limits or an Error; a tree that is written out is read
/// back as it was.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipway;
  using namespace slipway::local;
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  for (const auto& part : yaml::split_documents(text)) {
    yaml::ParseOptions options;
    options.limits.weight = 20'000;
    try {
      const auto root = yaml::parse(part.text, options).root;
      fuzz::require(root->weight() <= options.limits.weight, "the tree is within its limit");
      fuzz::require(root->depth() <= options.limits.depth, "the depth is within its limit");
      const auto written = yaml::emit(*root);
      options.limits.weight *= 2;
      options.limits.bytes = std::size_t{64} << 20;
      fuzz::require(same(*root, *yaml::parse(written, options).root), "written and read back");
    } catch (const yaml::Error& error) {
      fuzz::require(*error.what() != '\0', "an error says something");
    }
  }
  return 0;
}
