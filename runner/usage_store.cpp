#include "runner/usage_store.hpp"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>

#include "util/async.hpp"

namespace slipway::runner {

namespace {

using namespace std::chrono_literals;
using executors::docker::Usage;
using nlohmann::json;
using Engines = std::map<std::string, Usage>;

constexpr int version = 1;
constexpr auto write_pause = 5s;
constexpr std::uintmax_t most_bytes = 32u << 20;
/// Per Engine; the oldest go first.
constexpr std::size_t most_entries = 10'000;
constexpr std::size_t most_names = 100;
constexpr std::size_t most_engines = 64;

std::int64_t number(Usage::Time time) {
  return time.time_since_epoch().count();
}

Usage::Time time_of(const json& value) {
  return Usage::Time{std::chrono::seconds{value.get<std::int64_t>()}};
}

json to_json(const Usage& usage) {
  auto images = json::object();
  for (const auto& [id, image] : usage.images)
    images[id] = {{"names", image.names}, {"used", number(image.used)}};
  auto volumes = json::object();
  for (const auto& [name, used] : usage.volumes) volumes[name] = number(used);
  return {{"since", number(usage.since)}, {"images", images}, {"volumes", volumes}};
}

Usage usage_from(const json& object) {
  Usage usage;
  usage.since = time_of(object.at("since"));
  for (const auto& [id, image] : object.at("images").items())
    usage.images[id] = {image.at("names").get<std::set<std::string>>(), time_of(image.at("used"))};
  for (const auto& [name, used] : object.at("volumes").items()) usage.volumes[name] = time_of(used);
  return usage;
}

/// Nothing when there is no file. \throws std::exception for a damaged one.
std::optional<Engines> load(const std::filesystem::path& file) {
  std::error_code error;
  const auto size = std::filesystem::file_size(file, error);
  if (error == std::errc::no_such_file_or_directory) return std::nullopt;
  if (error) throw std::runtime_error{error.message()};
  if (size > most_bytes) throw std::runtime_error{"larger than slipway writes it"};
  std::ifstream stream{file, std::ios::binary};
  const auto content = json::parse(stream);
  if (content.at("version").get<int>() != version)
    throw std::runtime_error{"written by a newer version"};
  Engines engines;
  for (const auto& [id, usage] : content.at("engines").items()) engines[id] = usage_from(usage);
  return engines;
}

/// A clock that was set back must not keep an object for years.
void no_later_than(Usage::Time now, Usage& usage) {
  usage.since = std::min(usage.since, now);
  for (auto& [id, image] : usage.images) image.used = std::min(image.used, now);
  for (auto& [name, used] : usage.volumes) used = std::min(used, now);
}

template <class Map, class Used>
void drop_oldest(Map& map, std::size_t most, Used used) {
  while (map.size() > most)
    map.erase(std::min_element(map.begin(), map.end(), [&](const auto& a, const auto& b) {
      return used(a.second) < used(b.second);
    }));
}

bool write_file(const std::filesystem::path& file, const std::string& text) {
  const int out = ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (out < 0) return false;
  std::string_view rest = text;
  while (!rest.empty()) {
    const auto count = ::write(out, rest.data(), rest.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    rest.remove_prefix(static_cast<std::size_t>(count));
  }
  const int failure = rest.empty() ? 0 : errno;
  const bool closed = ::close(out) == 0;
  if (failure != 0) errno = failure;
  return rest.empty() && closed;
}

Usage::Time system_time() {
  return std::chrono::time_point_cast<std::chrono::seconds>(std::chrono::system_clock::now());
}

}  // namespace

UsageStore::UsageStore(asio::any_io_executor executor, std::filesystem::path file, Clock clock)
    : file_{std::move(file)},
      clock_{clock ? std::move(clock) : Clock{system_time}},
      changed_{std::move(executor)} {
  try {
    engines_ = load(file_).value_or(Engines{});
  } catch (const std::exception& error) {
    auto aside = file_;
    aside += ".bad";
    std::error_code ignored;
    std::filesystem::rename(file_, aside, ignored);
    spdlog::warn(
        "{} cannot be read and is begun anew: {}. Caches count as used now, and images that jobs "
        "pulled so far stay for good",
        file_.string(), error.what());
  }
  for (auto& [engine, usage] : engines_) no_later_than(now(), usage);
}

UsageStore::~UsageStore() {
  flush();
}

Usage& UsageStore::of(const std::string& engine) {
  const auto found = engines_.find(engine);
  if (found != engines_.end()) return found->second;
  drop_oldest(engines_, most_engines - 1, [](const Usage& usage) { return usage.since; });
  auto& usage = engines_[engine];
  usage.since = now();
  changed();
  return usage;
}

void UsageStore::changed() {
  dirty_ = true;
  changed_.notify_all();
}

void UsageStore::pulled(const std::string& engine, const std::string& name, const std::string& id,
                        bool was_there) {
  auto& usage = of(engine);
  if (was_there && !usage.images.contains(id)) return;
  auto& image = usage.images[id];
  if (image.names.size() < most_names)
    image.names.insert(executors::docker::canonical_image_name(name));
  image.used = now();
  drop_oldest(usage.images, most_entries, [](const Usage::Image& entry) { return entry.used; });
  changed();
  // A crash must not make the image everybody's.
  flush();
}

void UsageStore::used_image(const std::string& engine, const std::string& id) {
  auto& images = of(engine).images;
  const auto found = images.find(id);
  if (found == images.end() || found->second.used == now()) return;
  found->second.used = now();
  changed();
}

void UsageStore::used_volume(const std::string& engine, const std::string& name) {
  auto& volumes = of(engine).volumes;
  volumes[name] = now();
  drop_oldest(volumes, most_entries, [](Time used) { return used; });
  changed();
}

Usage UsageStore::usage(const std::string& engine) {
  return of(engine);
}

void UsageStore::keep_only(const std::string& engine, const std::set<std::string>& images,
                           const std::set<std::string>& volumes, Time looked) {
  auto& usage = of(engine);
  // What came or was used since then may be younger than the look.
  const auto dropped =
      std::erase_if(usage.images,
                    [&](const auto& entry) {
                      return entry.second.used < looked && !images.contains(entry.first);
                    }) +
      std::erase_if(usage.volumes, [&](const auto& entry) {
        return entry.second < looked && !volumes.contains(entry.first);
      });
  if (dropped > 0) changed();
}

asio::awaitable<void> UsageStore::keep_written() {
  while (true) {
    while (!dirty_) co_await changed_.wait();
    flush();
    co_await util::sleep_for(write_pause);
  }
}

bool UsageStore::flush() {
  if (!dirty_) return true;
  auto engines = json::object();
  for (const auto& [id, usage] : engines_) engines[id] = to_json(usage);
  const json content{{"version", version}, {"engines", engines}};
  const auto text = content.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
  auto fresh = file_;
  fresh += ".new";
  if (write_file(fresh, text) && ::rename(fresh.c_str(), file_.c_str()) == 0) {
    dirty_ = failing_ = false;
    return true;
  }
  if (!failing_) spdlog::warn("cannot write {}: {}", file_.string(), std::strerror(errno));
  failing_ = true;
  return false;
}

std::optional<Usage> UsageStore::read(const std::filesystem::path& file,
                                      const std::string& engine) {
  try {
    const auto engines = load(file);
    if (!engines || !engines->contains(engine)) return std::nullopt;
    return engines->at(engine);
  } catch (const std::exception& error) {
    spdlog::warn("{} cannot be read: {}", file.string(), error.what());
    return std::nullopt;
  }
}

}  // namespace slipway::runner
