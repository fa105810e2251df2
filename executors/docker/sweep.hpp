#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "docker_api/types.hpp"
#include "executors/reaper.hpp"

/// Which objects of an Engine are left over from jobs that are gone. Pure; sweeper.hpp asks the
/// Engine.
namespace slipway::executors::docker {

/// What an Engine holds, as its lists tell. May hold what is not ours: it is looked at again.
struct EngineListing {
  std::vector<docker_api::ContainerSummary> containers;
  std::vector<docker_api::VolumeDetails> volumes;
  std::vector<docker_api::NetworkDetails> networks;
  /// Ids of images that carry our state label: somebody made them of a job's container (`docker
  /// commit`), and their containers have its labels without being ours.
  std::set<std::string> committed_images;
};

/// What must stay. Taken *after* the listing: a job that began in between is not in an older one.
struct StillNeeded {
  std::string state_id;              ///< ours is what carries it; "" = nothing is
  std::set<std::string> job_keys;    ///< every job that has a journal
  std::set<std::string> containers;  ///< names of containers without a job that are at work
};

struct Orphans {
  std::vector<Reaper::Object> objects;  ///< in the order of the listing
  /// Ids of objects of ours without a job: orphans if the next sweep sees them again.
  std::set<std::string> suspects;
};

/// Ours is only what carries our state label with exactly our value. Of that, an orphan is
///  - what carries the key of a job that is not in use;
///  - what carries no job's key, on the first sweep after the start (`suspects` unset), else when
///    it is one of the `suspects` of the sweep before: it may belong to a call under way.
/// Never: containers of committed images that do not have a name of ours, either; volumes that
/// outlive jobs (caches, the helper volume) or of which nothing says that they do not, and what
/// `needed` names.
Orphans find_orphans(const EngineListing& listing, const StillNeeded& needed,
                     const std::optional<std::set<std::string>>& suspects);

}  // namespace slipway::executors::docker
