#include "executors/docker/helper_volume.hpp"

#include <fmt/format.h>
#include <openssl/rand.h>
#include <spdlog/spdlog.h>

#include <fstream>
#include <iterator>
#include <stdexcept>

#include "executors/docker/labels.hpp"
#include "executors/docker/names.hpp"
#include "util/async.hpp"

namespace slipway::executors::docker {

namespace {
constexpr auto fill_limit = std::chrono::minutes{2};
constexpr std::uint32_t executable = 0755;

std::string read_file(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  std::string content{std::istreambuf_iterator<char>{file}, {}};
  if (content.empty())
    throw std::runtime_error{fmt::format(
        "cannot read {}: the slipway-helper program must lie beside slipway; reinstall both",
        path)};
  return content;
}

std::string random_digits() {
  unsigned char random[8];
  if (RAND_bytes(random, sizeof random) != 1)
    throw std::runtime_error{"no random numbers to be had"};
  std::string digits;
  for (const auto byte : random) digits += fmt::format("{:02x}", byte);
  return digits;
}

/// The names are random: what has the carrier's is what an earlier call made whose answer was lost.
asio::awaitable<void> make_carrier(docker_api::Client& engine, docker_api::ContainerSpec carrier) {
  try {
    co_await engine.create_container(carrier);
  } catch (const docker_api::EngineError& error) {
    if (!error.conflict()) throw;
  }
}
}  // namespace

HelperVolume::HelperVolume(const std::string& path, std::string state_id)
    : path_{path}, state_id_{std::move(state_id)} {
  // Only name and size stay: the content is read again when a volume needs it.
  const auto content = read_file(path_);
  size_ = content.size();
  name_ = "slipway-helper-" + digest_hex("SHA256", content).substr(0, 16);
}

/// The calls between creation and removal of the carrier. True if the file had to be put there.
asio::awaitable<bool> HelperVolume::fill(docker_api::Client& engine, std::string carrier) const {
  const auto path = fmt::format("{}/{}", mount_point, file_name);
  const auto stat = co_await engine.stat_path(carrier, path);
  if (stat && stat->size == static_cast<std::int64_t>(size_)) co_return false;
  docker_api::TarBuilder tar;
  tar.add_file(file_name, executable, read_file(path_));
  auto archive = tar.finish();
  co_await engine.put_archive(carrier, mount_point, std::move(archive));
  spdlog::info("helper volume filled bytes={}", size_);
  co_return true;
}

docker_api::Mount HelperVolume::mount() const {
  docker_api::Mount mount;
  mount.source = name_;
  mount.target = mount_point;
  mount.read_only = true;
  mount.labels = {{"com.gitlab.gitlab-runner.managed", "true"},
                  {"com.gitlab.gitlab-runner.type", "helper"},
                  {reusable_label, "true"},
                  {state_label, state_id_},
                  {volume_label, volume_of_helper}};
  return mount;
}

asio::awaitable<bool> HelperVolume::ensure(docker_api::Client& engine, std::string image) {
  auto work = look_and_fill(engine, std::move(image));
  co_return co_await util::shielded(std::move(work));
}

asio::awaitable<bool> HelperVolume::look_and_fill(docker_api::Client& engine, std::string image) {
  docker_api::ContainerSpec carrier;
  // One that could not be removed, as the Engine went away, is there still and does as well.
  carrier.name = carriers_.empty() ? name_ + "-fill-" + random_digits() : *carriers_.begin();
  carrier.image = std::move(image);
  // Never run; without a command the Engine refuses images that name none.
  carrier.command = {"true"};
  carrier.labels = mount().labels;
  carrier.labels["com.gitlab.gitlab-runner.type"] = "helper-fill";
  carrier.labels.erase(volume_label);
  carrier.log_driver = "none";
  carrier.network_mode = "none";
  auto writable = mount();
  writable.read_only = false;
  carrier.mounts.push_back(std::move(writable));
  carriers_.insert(carrier.name);
  bool filled = false;
  std::exception_ptr failure;
  try {
    co_await make_carrier(engine, carrier);
    auto filling = fill(engine, carrier.name);
    filled = co_await util::with_timeout(std::move(filling), fill_limit);
  } catch (const std::exception&) {
    failure = std::current_exception();
  }
  try {
    co_await engine.remove_container(carrier.name, true, false);
    carriers_.erase(carrier.name);
  } catch (const std::exception& error) {
    spdlog::warn("removing the helper volume's carrier: {} container={}", error.what(),
                 carrier.name);
    if (!failure) failure = std::current_exception();
  }
  if (failure) std::rethrow_exception(failure);
  co_return filled;
}

}  // namespace slipway::executors::docker
