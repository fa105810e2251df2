#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "util/asio_fwd.hpp"
#include "util/condition.hpp"

namespace slipway::executors::docker {

/// What running jobs use on one Engine: names and ids of images, names of volumes. Nothing of it is
/// collected, and a job never sees an object vanish between looking at it and using it: it holds
/// the names first. Must outlive its holds.
class InUse {
 public:
  explicit InUse(asio::any_io_executor executor) : removed_{std::move(executor)} {}

  /// Keeps names from being collected until it is destroyed.
  class Hold {
   public:
    Hold() = default;
    Hold(Hold&& other) noexcept;
    Hold& operator=(Hold&& other) noexcept;
    ~Hold() { release(); }

    /// One more name, at once: an image's id when it is known. (The name that led to it is held.)
    void add(const std::string& name);
    void release();

   private:
    friend class InUse;
    explicit Hold(InUse& owner) : owner_{&owner} {}

    InUse* owner_ = nullptr;
    std::vector<std::string> names_;
  };

  /// Holds `names` (images as jobs write them) and returns when no removal of one of them is under
  /// way. Cancellation: any kind; nothing is held.
  asio::awaitable<Hold> hold(std::vector<std::string> names);

  bool contains(const std::string& name) const { return held_.contains(name); }
  std::set<std::string> names() const;

  /// For the collector, around one removal: false if one of `names` is held.
  bool begin_removal(std::vector<std::string> names);
  void end_removal();

 private:
  bool is_being_removed(const std::vector<std::string>& names) const;

  std::map<std::string, int> held_;
  std::vector<std::string> being_removed_;
  util::Condition removed_;
};

}  // namespace slipway::executors::docker
