#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/schema.hpp"

namespace slipway::config {

/// What a key of a new runner is set to. Durations are texts in Go's form, times RFC 3339.
using Value = std::variant<bool, std::int64_t, std::string, std::vector<std::string>,
                           std::map<std::string, std::string>, std::map<std::string, bool>>;

/// A `[[runners]]` block about to be written: keys by their path below it (`url`, `docker.image`,
/// `cache.s3.BucketName`, `feature_flags`). It is written in GitLab Runner's layout: keys in its
/// order, with those that it always writes.
class RunnerEntry {
 public:
  /// \throws std::invalid_argument, with a text for the user: no such key, value of another kind,
  /// invalid duration.
  void set(std::string_view key, Value value);
  /// A key that no Value can hold (an array of tables, a map of lists), rendered as it is to be
  /// written at its place.
  void set_text(const std::string& key, std::string text);
  /// nullptr when not set.
  const Value* find(std::string_view key) const;
  /// Set to something else than zero.
  bool has(std::string_view key) const;
  const std::map<std::string, Value, std::less<>>& values() const { return values_; }
  void erase(std::string_view key);
  /// Drops a whole table: register keeps only that of the chosen executor.
  void erase_table(std::string_view table);

  /// The block's text, from `[[runners]]` to the last line feed.
  std::string render() const;

 private:
  void render_table(const std::string& path, int depth, std::string& out) const;
  bool has_table(std::string_view path) const;

  std::map<std::string, Value, std::less<>> values_;
  std::map<std::string, std::string, std::less<>> texts_;
};

/// A value that is no map, in TOML's notation.
std::string toml_text(const Value& value, Kind kind);

/// `key` bare where that is possible, else in quotes.
std::string key_text(const std::string& key);

/// `text` as a TOML time: RFC 3339 without its fraction; the zero time for anything else, also "",
/// since the text comes from a server.
std::string toml_time(std::string_view text);

/// `text` as a TOML basic string, quotes included.
std::string quote_toml(std::string_view text);

}  // namespace slipway::config
