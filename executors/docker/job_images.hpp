#pragma once

#include <map>
#include <string>
#include <utility>

#include "executors/docker/registry_access.hpp"

namespace slipway::executors::docker {

/// What one job knows of images: who it is at the registries, and what it has got already. Must
/// outlive the calls that it is given to.
class JobImages {
 public:
  JobImages(asio::any_io_executor executor, RegistryPlan registry)
      : access_{std::move(executor), std::move(registry)} {}

  RegistryAccess& access() { return access_; }
  /// True if the job has got this image by this name before.
  bool has(const ImagePlan& image, const std::string& id) const {
    const auto known = ids_.find({image.name, image.platform});
    return known != ids_.end() && known->second == id;
  }
  void got(const ImagePlan& image, const std::string& id) {
    ids_[{image.name, image.platform}] = id;
  }

 private:
  RegistryAccess access_;
  std::map<std::pair<std::string, std::string>, std::string> ids_;  ///< by name and platform
};

}  // namespace slipway::executors::docker
