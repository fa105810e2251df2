// What is made on the Engine, once whatever happens to the answer, and also while it is restarted.

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <random>

#include "docker_api/limits.hpp"
#include "executors/docker/engine.hpp"
#include "executors/docker/subnets.hpp"
#include "job/failure.hpp"
#include "util/async.hpp"

namespace slipway::executors::docker {

namespace {

using job::Failure;
using job::FailureReason;
using namespace std::chrono_literals;

/// Of one call: an answer may be lost when the Engine ends, and when it is not quite there again.
constexpr int tries = 3;
constexpr auto ending_pause = 1s;
constexpr auto removal_pause = 500ms;
constexpr auto address_pause = 2s;
/// Of subnets beside each other, which other jobs may have.
constexpr unsigned subnet_tries = 128;

bool says_one_of(const docker_api::EngineError& error, auto& phrases) {
  return std::any_of(phrases.begin(), phrases.end(), [&](const char* phrase) {
    return error.message().find(phrase) != std::string::npos;
  });
}

/// What a dockerd answers that is being stopped: its parts go one by one. It may be anything, but
/// is its own fault; these are words for which it is worth while to ask again even if it seems to
/// be there.
bool is_ending(const docker_api::EngineError& error) {
  constexpr std::array phrases{"database not open", "shutting down", "transport is closing",
                               "ttrpc: closed", "client connection is closing"};
  return error.status() >= 500 && says_one_of(error, phrases);
}

/// The Engine's words for a network that gets no addresses, of all versions.
bool is_out_of_addresses(const docker_api::EngineError& error) {
  constexpr std::array phrases{"non-overlapping IPv4 address pool", "fully subnetted",
                               "could not find free subnet"};
  return says_one_of(error, phrases);
}

/// The words for a subnet that another network has, or has a part of.
bool is_overlap(const docker_api::EngineError& error) {
  constexpr std::array phrases{"Pool overlaps", "overlapping IPv4", "conflicts with network"};
  return says_one_of(error, phrases);
}

bool is_name_in_use(const docker_api::EngineError& error) {
  constexpr std::array phrases{"already in use", "already exists"};
  return error.conflict() && says_one_of(error, phrases);
}

bool carries(const docker_api::Labels& labels, const docker_api::Labels& wanted) {
  return std::all_of(wanted.begin(), wanted.end(), [&](const auto& label) {
    const auto found = labels.find(label.first);
    return found != labels.end() && found->second == label.second;
  });
}

}  // namespace

NameTaken::NameTaken(const std::string& kind, const std::string& name)
    : Failure{FailureReason::runner_system_failure,
              fmt::format("the {} name {} is in use by something that slipway did not make; it is "
                          "left alone",
                          kind, name)} {}

asio::awaitable<void> Engine::persist(const std::function<asio::awaitable<void>()>& step,
                                      JobLog& log) {
  for (int attempt = 1;; ++attempt) {
    std::exception_ptr failure;
    bool ending = false;
    try {
      auto work = step();
      co_await std::move(work);
      co_return;
    } catch (const net::Error& error) {
      if (attempt == tries) throw;
      spdlog::warn("{}", error.what());
    } catch (const docker_api::EngineError& error) {
      const bool own_fault = error.status() >= 500 || error.status() == 200;
      if (!own_fault || attempt == tries) throw;
      failure = std::current_exception();
      ending = is_ending(error);
    }
    if (ending) co_await util::sleep_for(ending_pause);
    if (failure) {
      const bool there = co_await answers(true);
      if (there && !ending) std::rethrow_exception(failure);
    }
    co_await connect(&log, true);
  }
}

asio::awaitable<std::string> Engine::create_container(docker_api::ContainerSpec spec, JobLog& log) {
  std::string id;
  const std::function<asio::awaitable<void>()> step = [&] { return make_container(spec, id); };
  co_await persist(step, log);
  co_return id;
}

/// Those that carry labels; one that exists already is left as it is.
asio::awaitable<void> Engine::make_volumes(const docker_api::ContainerSpec& spec) {
  for (const auto& mount : spec.mounts) {
    if (mount.labels.empty()) continue;
    co_await client_.create_volume(mount.source, mount.labels, mount.driver, mount.driver_options);
  }
}

asio::awaitable<void> Engine::make_container(const docker_api::ContainerSpec& spec,
                                             std::string& id) {
  if (!client_.labels_mounted_volumes()) co_await make_volumes(spec);
  for (int attempt = 1;; ++attempt) {
    try {
      auto creating = client_.create_container(spec);
      id = co_await util::shielded(std::move(creating));
      co_return;
    } catch (const docker_api::EngineError& error) {
      if (!is_name_in_use(error) || attempt == tries) throw;
      spdlog::warn("{}", error.what());
    }
    const auto made = co_await find_container(spec);
    if (!made) continue;
    id = *made;
    co_return;
  }
}

/// The container that an earlier call made, though its answer was lost; nullopt when the name is
/// free. One of ours that is going away is waited for.
asio::awaitable<std::optional<std::string>> Engine::find_container(
    const docker_api::ContainerSpec& spec) {
  const auto until = std::chrono::steady_clock::now() + docker_api::limits::patience().removal;
  while (std::chrono::steady_clock::now() < until) {
    docker_api::ContainerDetails found;
    try {
      found = co_await client_.inspect_container(spec.name);
    } catch (const docker_api::EngineError& error) {
      if (!error.not_found()) throw;
    }
    if (found.id.empty()) co_return std::nullopt;
    const bool ours = carries(found.labels, spec.labels);
    if (ours && found.status == "created") co_return found.id;
    if (!ours || (found.status != "removing" && found.status != "dead")) {
      spdlog::warn("the name of a container is taken container={} id={} status={} ours={}",
                   spec.name, found.id, found.status, ours);
      break;
    }
    co_await util::sleep_for(removal_pause);
  }
  throw NameTaken{"container", spec.name};
}

asio::awaitable<void> Engine::start_container(std::string id, JobLog& log) {
  const std::function<asio::awaitable<void>()> step = [&] { return client_.start_container(id); };
  co_await persist(step, log);
}

asio::awaitable<std::string> Engine::create_network(docker_api::NetworkSpec spec, JobLog& log) {
  std::string id;
  const std::function<asio::awaitable<void>()> step = [&] { return make_network(spec, id, log); };
  co_await persist(step, log);
  co_return id;
}

/// For an Engine whose administrator has said nothing of addresses: its default pools are large
/// pieces that are soon used up. False if no small one is to be had either.
asio::awaitable<bool> Engine::make_small_network(docker_api::NetworkSpec spec, std::string& id) {
  if (!info_ || info_->own_address_pools) co_return false;
  std::random_device random;
  const auto first = random();
  for (unsigned attempt = 0; attempt < subnet_tries; ++attempt) {
    spec.subnet = small_subnet(first + attempt);
    try {
      auto creating = client_.create_network(spec);
      id = co_await util::shielded(std::move(creating));
      spdlog::info("the Engine's address pools are used up network={} subnet={}", spec.name,
                   spec.subnet);
      co_return true;
    } catch (const docker_api::EngineError& error) {
      if (!is_overlap(error)) {
        spdlog::warn("{} subnet={}", error.what(), spec.subnet);
        co_return false;
      }
    }
  }
  co_return false;
}

/// Other jobs' networks go when they end: one that finds no addresses waits for them.
asio::awaitable<void> Engine::make_network(const docker_api::NetworkSpec& spec, std::string& id,
                                           JobLog& log) {
  const auto limit = docker_api::limits::patience().addresses;
  const auto until = std::chrono::steady_clock::now() + limit;
  bool told = false;
  for (int conflicts = 0;;) {
    std::string full;
    try {
      auto creating = client_.create_network(spec);
      id = co_await util::shielded(std::move(creating));
      co_return;
    } catch (const docker_api::EngineError& error) {
      if (is_out_of_addresses(error))
        full = error.what();
      else if (!is_name_in_use(error) || ++conflicts == tries)
        throw;
    }
    if (!full.empty() && spec.subnet.empty()) {
      const bool small = co_await make_small_network(spec, id);
      if (small) co_return;
    }
    if (full.empty()) {
      const auto made = co_await find_network(spec);
      if (!made) continue;
      id = *made;
      co_return;
    }
    if (std::chrono::steady_clock::now() > until)
      throw Failure{FailureReason::runner_system_failure,
                    fmt::format("{}: every address pool of the Docker Engine is in use; `docker "
                                "network prune` removes unused networks, `default-address-pools` "
                                "in its daemon.json gives it more",
                                full)};
    if (!told)
      log.warning(
          fmt::format("The Docker Engine has no addresses left for the job's network, waiting up "
                      "to {} s for another network to go",
                      std::chrono::duration_cast<std::chrono::seconds>(limit).count()));
    told = true;
    co_await util::sleep_for(std::min<std::chrono::milliseconds>(address_pause, limit));
  }
}

asio::awaitable<std::optional<std::string>> Engine::find_network(
    const docker_api::NetworkSpec& spec) {
  docker_api::NetworkDetails found;
  try {
    found = co_await client_.inspect_network(spec.name);
  } catch (const docker_api::EngineError& error) {
    if (!error.not_found()) throw;
  }
  if (found.id.empty()) co_return std::nullopt;
  if (!carries(found.labels, spec.labels)) throw NameTaken{"network", spec.name};
  co_return found.id;
}

asio::awaitable<bool> Engine::ensure_helper_volume(std::string image, JobLog& log, bool again) {
  bool filled = false;
  const std::function<asio::awaitable<void>()> step = [&] {
    return look_at_helper_volume(image, again, filled);
  };
  co_await persist(step, log);
  co_return filled;
}

asio::awaitable<void> Engine::look_at_helper_volume(const std::string& image, bool again,
                                                    bool& filled) {
  const auto lock = co_await setup_.lock();
  if (volume_whole_ && !again) co_return;
  filled = co_await volume_.ensure(client_, image);
  volume_whole_ = true;
}

}  // namespace slipway::executors::docker
