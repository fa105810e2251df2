#pragma once

#include "local/yaml/node.hpp"

namespace slipway::local::ci {

/// `over` laid over `base`: mappings merge key by key, however deep; everything else replaces. Keys
/// of `base` keep their places.
yaml::NodePtr deep_merge(const yaml::NodePtr& base, const yaml::NodePtr& over);

/// The same in place, for merging many mappings one after the other.
void merge_into(yaml::Mapping& base, const yaml::Mapping& over);

/// Resolves every `extends` of the jobs (hidden ones included) and takes it away from them.
/// \throws yaml::Error for an unknown or hidden-from-view parent, a circle, more than eleven
/// levels.
yaml::NodePtr resolve_extends(const yaml::NodePtr& root);

/// Resolves every `!reference`, also within what it brings in. \throws yaml::Error.
yaml::NodePtr resolve_references(const yaml::NodePtr& root);

}  // namespace slipway::local::ci
