#pragma once

#include <cstdint>
#include <filesystem>

namespace slipway::bench {

/// A project to archive: `files` files of `size` bytes together in some hundred directories, half
/// of them text as people and programs write it, half of them random bytes; the same every time.
void make_tree(const std::filesystem::path& root, int files, std::uint64_t size);

/// Whether both directories hold the same files with the same bytes. \throws std::runtime_error
/// that names the first difference.
void expect_same_tree(const std::filesystem::path& wanted, const std::filesystem::path& found);

}  // namespace slipway::bench
