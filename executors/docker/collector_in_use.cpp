#include "executors/docker/collector_in_use.hpp"

#include <algorithm>
#include <utility>

#include "executors/docker/collector_usage.hpp"

namespace slipway::executors::docker {

InUse::Hold::Hold(Hold&& other) noexcept
    : owner_{std::exchange(other.owner_, nullptr)}, names_{std::move(other.names_)} {}

InUse::Hold& InUse::Hold::operator=(Hold&& other) noexcept {
  if (this == &other) return *this;
  release();
  owner_ = std::exchange(other.owner_, nullptr);
  names_ = std::move(other.names_);
  return *this;
}

void InUse::Hold::add(const std::string& name) {
  if (owner_ == nullptr) return;
  names_.push_back(name);
  ++owner_->held_[name];
}

void InUse::Hold::release() {
  if (owner_ == nullptr) return;
  for (const auto& name : names_)
    if (--owner_->held_[name] == 0) owner_->held_.erase(name);
  names_.clear();
  owner_ = nullptr;
}

asio::awaitable<InUse::Hold> InUse::hold(std::vector<std::string> names) {
  Hold hold{*this};
  for (const auto& name : names) {
    hold.add(name);
    // Volumes' names pass through unchanged or mean nothing in this spelling.
    if (auto canonical = canonical_image_name(name); canonical != name) hold.add(canonical);
  }
  while (is_being_removed(hold.names_)) co_await removed_.wait();
  co_return hold;
}

std::set<std::string> InUse::names() const {
  std::set<std::string> all;
  for (const auto& [name, count] : held_) all.insert(name);
  return all;
}

bool InUse::begin_removal(std::vector<std::string> names) {
  if (std::ranges::any_of(names, [&](const std::string& name) { return contains(name); }))
    return false;
  being_removed_ = std::move(names);
  return true;
}

void InUse::end_removal() {
  being_removed_.clear();
  removed_.notify_all();
}

bool InUse::is_being_removed(const std::vector<std::string>& names) const {
  return std::ranges::any_of(names, [&](const std::string& name) {
    return std::ranges::find(being_removed_, name) != being_removed_.end();
  });
}

}  // namespace slipway::executors::docker
