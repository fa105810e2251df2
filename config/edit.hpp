#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "config/config.hpp"
#include "config/entry.hpp"

/// Changes of config.toml in place: comments, unknown keys, order and the user's `$VAR` texts stay
/// byte for byte. Every change is read back before it is written, made under a lock, and written in
/// one step. Blocking; the lock is waited for at most 10 s. All \throw ConfigError.
namespace slipway::config {

/// Appends a `[[runners]]` block; without a file (or with a blank one) writes GitLab Runner's new
/// file.
void append_runner(const std::string& path, const RunnerEntry& entry);

/// Removes the runners for which `matches` holds, and returns how many those were. Nothing is
/// written for none. Comments above a removed block stay.
std::size_t remove_runners(const std::string& path,
                           const std::function<bool(const Runner&)>& matches);

/// A runner's token and its life, as GitLab gave them; times RFC 3339, "" = never.
struct TokenChange {
  util::Secret token;
  std::string obtained_at;
  std::string expires_at;
};

/// Gives the first runner for which `matches` holds another token. Returns false when there is
/// none.
bool change_token(const std::string& path, const std::function<bool(const Runner&)>& matches,
                  const TokenChange& change);

/// The same on texts.
std::string with_runner_appended(std::string_view text, const RunnerEntry& entry);
std::string with_runners_removed(std::string_view text, const std::vector<std::size_t>& indices);
/// The text as it is when the runner's block cannot be found.
std::string with_token_changed(std::string_view text, std::size_t index, const TokenChange& change);

}  // namespace slipway::config
