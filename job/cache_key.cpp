#include "job/cache_key.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <vector>

namespace slipway::job {

namespace {

constexpr std::string_view space_characters[] = {" ",
                                                 "\t",
                                                 "\n",
                                                 "\v",
                                                 "\f",
                                                 "\r",
                                                 "\xC2\x85",
                                                 "\xC2\xA0",
                                                 "\xE1\x9A\x80",
                                                 "\xE2\x80\x80",
                                                 "\xE2\x80\x81",
                                                 "\xE2\x80\x82",
                                                 "\xE2\x80\x83",
                                                 "\xE2\x80\x84",
                                                 "\xE2\x80\x85",
                                                 "\xE2\x80\x86",
                                                 "\xE2\x80\x87",
                                                 "\xE2\x80\x88",
                                                 "\xE2\x80\x89",
                                                 "\xE2\x80\x8A",
                                                 "\xE2\x80\xA8",
                                                 "\xE2\x80\xA9",
                                                 "\xE2\x80\xAF",
                                                 "\xE2\x81\x9F",
                                                 "\xE3\x80\x80"};

std::string_view without_trailing_space(std::string_view text) {
  for (bool found = true; found;) {
    found = false;
    for (const auto space : space_characters) {
      if (!text.ends_with(space)) continue;
      text.remove_suffix(space.size());
      found = true;
    }
  }
  return text;
}

// Each place once: what an escape becomes is not looked at again.
std::string with_slashes(std::string_view raw) {
  std::string text;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    const auto escape = raw.substr(i, 3);
    const bool slash = escape == "%2f" || escape == "%2F";
    const bool dot = escape == "%2e" || escape == "%2E";
    text += slash || raw[i] == '\\' ? '/' : dot ? '.' : raw[i];
    if (slash || dot) i += 2;
  }
  return text;
}

std::vector<std::string_view> segments_of(std::string_view path) {
  std::vector<std::string_view> segments;
  while (!path.empty()) {
    const auto end = std::min(path.find('/'), path.size());
    const auto segment = path.substr(0, end);
    path.remove_prefix(std::min(end + 1, path.size()));
    if (segment.empty() || segment == ".") continue;
    if (segment != "..")
      segments.push_back(segment);
    else if (!segments.empty())
      segments.pop_back();
  }
  return segments;
}

std::string joined(const std::vector<std::string_view>& segments) {
  std::string path;
  for (const auto segment : segments) path += (path.empty() ? "" : "/") + std::string{segment};
  return path;
}

}  // namespace

std::string default_cache_key(std::string_view job_name, std::string_view ref) {
  return joined(segments_of(std::string{job_name} + "/" + std::string{ref}));
}

std::optional<std::string> sanitized_cache_key(std::string_view raw) {
  if (raw.find('\0') != std::string_view::npos) return std::nullopt;
  auto path = with_slashes(raw);
  // `.. ` is a way up as soon as its space is gone.
  while (true) {
    auto segments = segments_of(path);
    while (!segments.empty()) {
      segments.back() = without_trailing_space(segments.back());
      if (!segments.back().empty()) break;
      segments.pop_back();
    }
    auto next = joined(segments);
    if (next == path) break;
    path = std::move(next);
  }
  if (path.empty()) return std::nullopt;
  return path;
}

std::string hashed_cache_key(std::string_view raw) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (EVP_Digest(raw.data(), raw.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1)
    throw std::runtime_error{"SHA-256 is not available"};
  constexpr std::string_view digits = "0123456789abcdef";
  std::string hex;
  for (unsigned i = 0; i < size; ++i) {
    hex += digits[digest[i] >> 4];
    hex += digits[digest[i] & 15];
  }
  return hex;
}

bool names_protected_cache(std::string_view key) {
  key = key.substr(0, key.find_last_not_of(". ") + 1);
  return key.ends_with("-protected");
}

}  // namespace slipway::job
