#include "tests/bench/archive_tree.hpp"

#include <fmt/format.h>

#include <cstring>
#include <fstream>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

namespace slipway::bench {

namespace {

namespace fs = std::filesystem;

constexpr int word_count = 4000;
constexpr int directories = 17;
constexpr int subdirectories = 31;

class Content {
 public:
  Content() {
    constexpr std::string_view letters = "etaoinshrdlucmfwypvbgkjqxz";
    for (int i = 0; i < word_count; ++i) {
      std::string word;
      const auto common = 6 + random_() % 21;
      for (auto length = 2 + random_() % 10; length > 0; --length)
        word += letters[random_() % common];
      words_.push_back(word);
    }
  }

  std::size_t size_around(std::uint64_t mean) {
    return static_cast<std::size_t>(mean / 2 + random_() % (mean + 1));
  }

  // Frequent words are more frequent than rare ones; no two lines are the same.
  std::string text(std::size_t size) {
    std::string all;
    while (all.size() < size) {
      all += std::to_string(random_() % 1'000'000);
      for (auto words = 6 + random_() % 13; words > 0; --words)
        all += ' ' + words_[random_() % (1 + random_() % word_count)];
      all += '\n';
    }
    all.resize(size);
    return all;
  }

  std::string noise(std::size_t size) {
    std::string all(size, '\0');
    for (std::size_t at = 0; at < size; at += 8) {
      const std::uint64_t number = random_();
      std::memcpy(all.data() + at, &number, std::min<std::size_t>(8, size - at));
    }
    return all;
  }

 private:
  std::mt19937_64 random_{1};
  std::vector<std::string> words_;
};

std::string read_all(const fs::path& path) {
  std::ifstream in{path, std::ios::binary | std::ios::ate};
  if (!in) throw std::runtime_error{path.string() + " is missing"};
  std::string bytes(static_cast<std::size_t>(in.tellg()), '\0');
  in.seekg(0);
  in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  return bytes;
}

std::size_t count_files(const fs::path& root) {
  std::size_t count = 0;
  for (const auto& item : fs::recursive_directory_iterator{root}) count += item.is_regular_file();
  return count;
}

}  // namespace

void make_tree(const fs::path& root, int files, std::uint64_t size) {
  Content content;
  for (int i = 0; i < files; ++i) {
    const bool is_text = i % 2 == 0;
    const auto directory =
        root / fmt::format("d{:02}/e{:02}", i % directories, i / directories % subdirectories);
    fs::create_directories(directory);
    const auto bytes = content.size_around(size / static_cast<std::uint64_t>(files));
    std::ofstream out{directory / fmt::format("f{}.{}", i, is_text ? "txt" : "bin"),
                      std::ios::binary};
    const auto all = is_text ? content.text(bytes) : content.noise(bytes);
    out.write(all.data(), static_cast<std::streamsize>(all.size()));
    if (!out) throw std::runtime_error{"the tree for the archives could not be written"};
  }
}

void expect_same_tree(const fs::path& wanted, const fs::path& found) {
  for (const auto& item : fs::recursive_directory_iterator{wanted}) {
    if (!item.is_regular_file()) continue;
    const auto name = item.path().lexically_relative(wanted);
    if (read_all(item.path()) != read_all(found / name))
      throw std::runtime_error{name.string() + " is not what was archived"};
  }
  if (count_files(wanted) != count_files(found))
    throw std::runtime_error{"there are more files than were archived"};
}

}  // namespace slipway::bench
