#pragma once

#include <filesystem>
#include <string>
#include <string_view>

/// File operations on directories that an earlier, possibly hostile, job has filled: no symbolic
/// link is ever followed out of them in the last component. All throw
/// std::filesystem::filesystem_error or std::system_error; what does not exist counts as removed.
namespace slipway::helper {

/// True for a directory itself, false for a link to one.
bool is_real_directory(const std::filesystem::path& path);

/// True for a plain file name: what a variable's key must be to have a file below temp_dir.
bool is_file_name(const std::string& text);

/// Removes `path` with everything below it; directories without permissions are opened up first.
/// Where `path` is a mount point, it is emptied and stays.
void remove_tree(const std::filesystem::path& path);

/// Makes `path` a directory (with its parents): a link or file in its place is removed.
void make_directory(const std::filesystem::path& path);

/// Replaces `path` by a new file with `text`; mode 0600, or 0644 where the umask is zero.
/// A zero umask is how container jobs are run: there the build container's user may be another one
/// and must be able to read what git is configured to include.
void write_fresh_file(const std::filesystem::path& path, std::string_view text);

/// Replaces `path` by a new file with `text`, as any program of the job would: mode 0666 less the
/// umask. `is_private` = for the owner alone unless the umask is zero.
void write_shared_file(const std::filesystem::path& path, std::string_view text,
                       bool is_private = false);

/// Appends `text` to the regular file `path`, which is created (0644) if missing.
void append_to_file(const std::filesystem::path& path, std::string_view text);

}  // namespace slipway::helper
