#include "executors/docker/helper_volume.hpp"

#include <fmt/format.h>
#include <openssl/rand.h>
#include <spdlog/spdlog.h>

#include <fstream>
#include <iterator>
#include <stdexcept>

#include "executors/docker/names.hpp"
#include "util/async.hpp"

namespace slipway::executors::docker {

namespace {
constexpr auto fill_limit = std::chrono::minutes{2};
constexpr std::uint32_t executable = 0755;

/// The calls between creation and removal of the carrier container.
asio::awaitable<void> fill(docker_api::Client& engine, std::string carrier,
                           const std::string& content) {
  const auto path = fmt::format("{}/{}", HelperVolume::mount_point, HelperVolume::file_name);
  const auto stat = co_await engine.stat_path(carrier, path);
  if (stat && stat->size == static_cast<std::int64_t>(content.size())) co_return;
  docker_api::TarBuilder tar;
  tar.add_file(HelperVolume::file_name, executable, content);
  auto archive = tar.finish();
  co_await engine.put_archive(carrier, HelperVolume::mount_point, std::move(archive));
  spdlog::info("helper volume filled bytes={}", content.size());
}
}  // namespace

HelperVolume::HelperVolume(const std::string& path, std::string state_id)
    : state_id_{std::move(state_id)} {
  std::ifstream file{path, std::ios::binary};
  content_.assign(std::istreambuf_iterator<char>{file}, {});
  if (content_.empty())
    throw std::runtime_error{fmt::format(
        "cannot read {}: the slipway-helper program must lie beside slipway; reinstall both",
        path)};
  name_ = "slipway-helper-" + digest_hex("SHA256", content_).substr(0, 16);
}

docker_api::Mount HelperVolume::mount() const {
  docker_api::Mount mount;
  mount.source = name_;
  mount.target = mount_point;
  mount.read_only = true;
  mount.labels = {{"com.gitlab.gitlab-runner.managed", "true"},
                  {"com.gitlab.gitlab-runner.type", "helper"},
                  {"com.gitlab.gitlab-runner.reusable", "true"},
                  {"io.slipway.state", state_id_}};
  return mount;
}

asio::awaitable<void> HelperVolume::ensure(docker_api::Client& engine, std::string image) {
  unsigned char random[8];
  if (RAND_bytes(random, sizeof random) != 1)
    throw std::runtime_error{"no random numbers to be had"};
  docker_api::ContainerSpec carrier;
  carrier.name = name_ + "-fill-";
  for (const auto byte : random) carrier.name += fmt::format("{:02x}", byte);
  carrier.image = std::move(image);
  // Never run; without a command the Engine refuses images that name none.
  carrier.command = {"true"};
  carrier.labels = mount().labels;
  carrier.labels["com.gitlab.gitlab-runner.type"] = "helper-fill";
  carrier.log_driver = "none";
  carrier.network_mode = "none";
  auto writable = mount();
  writable.read_only = false;
  carrier.mounts.push_back(std::move(writable));
  const auto id = co_await engine.create_container(carrier);
  std::exception_ptr failure;
  try {
    auto filling = fill(engine, id, content_);
    co_await util::with_timeout(std::move(filling), fill_limit);
  } catch (...) {
    failure = std::current_exception();
  }
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  co_await engine.remove_container(id, true, false);
  if (failure) std::rethrow_exception(failure);
}

}  // namespace slipway::executors::docker
