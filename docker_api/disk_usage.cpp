#include <nlohmann/json.hpp>
#include <utility>

#include "docker_api/client_impl.hpp"
#include "docker_api/json.hpp"
#include "docker_api/json_members.hpp"

namespace slipway::docker_api {

using nlohmann::json;

namespace {

constexpr std::chrono::milliseconds adding_up_limit = std::chrono::minutes{10};

/// Older Engines name what has no name.
std::vector<std::string> names(const json& image, const char* key) {
  auto list = texts(image, key);
  std::erase_if(list, [](const std::string& name) { return name.starts_with("<none>"); });
  return list;
}

ImageSummary read_image_summary(const json& answer) {
  ImageSummary image;
  image.id = required_text(answer, "Id");
  image.parent = text(answer, "ParentId");
  image.repo_tags = names(answer, "RepoTags");
  image.repo_digests = names(answer, "RepoDigests");
  image.size = number(answer, "Size");
  return image;
}

ImageRemoval read_removal(const json& answer) {
  return {text(answer, "Untagged"), text(answer, "Deleted")};
}

/// From API 1.52 on `ImageUsage.Items`, before `Images`.
const json& items(const json& answer, const char* usage, const char* list) {
  const auto& now = member(answer, usage);
  return now.is_null() ? member(answer, list) : member(now, "Items");
}

}  // namespace

std::vector<ImageSummary> read_images(const json& answer) {
  return read_each(answer, read_image_summary);
}

std::vector<ImageRemoval> read_removals(const json& answer) {
  return read_each(answer, read_removal);
}

DiskUsage read_disk_usage(const json& answer) {
  return {read_each(items(answer, "ImageUsage", "Images"), read_image_summary),
          read_each(items(answer, "VolumeUsage", "Volumes"), read_volume)};
}

asio::awaitable<std::vector<ImageSummary>> Client::list_images() {
  Call call{"GET /images/json", "/images/json?all=1", limits::query()};
  const auto response = co_await impl_->transport.send(std::move(call));
  co_return decode_as("GET /images/json", response.body, read_images);
}

asio::awaitable<DiskUsage> Client::disk_usage() {
  std::string target = "/system/df";
  // Without what is not asked for: containers' own layers and the build cache.
  if (supports(1, 42)) target += "?type=image&type=volume";
  if (supports(1, 52)) target += "&verbose=1";
  Call call{"GET /system/df", std::move(target), limits::query()};
  call.limits.head = adding_up_limit;
  call.limits.total = adding_up_limit;
  const auto response = co_await impl_->transport.send(std::move(call));
  co_return decode_as("GET /system/df", response.body, read_disk_usage);
}

}  // namespace slipway::docker_api
