#pragma once

#include <chrono>
#include <map>
#include <set>
#include <string>
#include <string_view>

namespace slipway::executors::docker {

/// What is known of the use of one Engine's objects. Times are those of this machine's clock.
struct Usage {
  using Time = std::chrono::sys_seconds;

  /// An image that jobs brought: it was not there before we pulled (or imported) it.
  struct Image {
    std::set<std::string> names;  ///< what we pulled it as; canonical_image_name()
    Time used{};
  };

  Time since{};                         ///< what is not listed counts as used then
  std::map<std::string, Image> images;  ///< by id; an image that is not listed is not ours
  std::map<std::string, Time> volumes;  ///< last use, by name
};

/// Told what jobs bring and use. Implemented by runner::UsageStore. Calls are cheap and do not
/// throw. \param engine  Info::id of the Engine.
class UsageLog {
 public:
  virtual ~UsageLog() = default;

  /// A pull or an import has ended well. \param name  as the job wrote it. \param was_there  an
  /// image with this id was on the Engine before: then it becomes ours only if it is already.
  virtual void pulled(const std::string& engine, const std::string& name, const std::string& id,
                      bool was_there) = 0;
  /// A job begins or ends to use it. Images that are not ours are ignored.
  virtual void used_image(const std::string& engine, const std::string& id) = 0;
  virtual void used_volume(const std::string& engine, const std::string& name) = 0;
};

/// One spelling for all names of the same image: `busybox` is `docker.io/library/busybox:latest`.
/// What is no valid name (an id) stays as it is.
std::string canonical_image_name(std::string_view name);

}  // namespace slipway::executors::docker
