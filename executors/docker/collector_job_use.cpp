#include "executors/docker/collector_job_use.hpp"

#include <utility>

namespace slipway::executors::docker {

asio::awaitable<void> JobUse::begin(InUse& in_use, UsageLog* log, std::string engine,
                                    std::vector<std::string> images,
                                    std::vector<std::string> volumes) {
  auto names = std::move(images);
  names.insert(names.end(), volumes.begin(), volumes.end());
  hold_ = co_await in_use.hold(std::move(names));
  log_ = log;
  engine_ = std::move(engine);
  volumes_ = std::move(volumes);
  tell();
}

void JobUse::image(const std::string& id) {
  if (!images_.insert(id).second) return;
  hold_.add(id);
  if (log_ != nullptr) log_->used_image(engine_, id);
}

void JobUse::end() {
  tell();
  hold_.release();
  log_ = nullptr;
  images_.clear();
  volumes_.clear();
}

void JobUse::tell() const {
  if (log_ == nullptr) return;
  for (const auto& id : images_) log_->used_image(engine_, id);
  for (const auto& name : volumes_) log_->used_volume(engine_, name);
}

}  // namespace slipway::executors::docker
