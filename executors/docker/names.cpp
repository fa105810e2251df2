#include "executors/docker/names.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <cctype>
#include <memory>

#include "job/job.hpp"

namespace slipway::executors::docker {

std::string digest_hex(const char* algorithm, std::string_view text) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  const std::unique_ptr<EVP_MD, decltype(&EVP_MD_free)> method{
      EVP_MD_fetch(nullptr, algorithm, nullptr), &EVP_MD_free};
  if (!method || EVP_Digest(text.data(), text.size(), digest, &size, method.get(), nullptr) != 1)
    throw std::runtime_error{fmt::format("the crypto library has no {}", algorithm)};
  std::string hex;
  for (unsigned int i = 0; i < size; ++i) hex += fmt::format("{:02x}", digest[i]);
  return hex;
}

std::string rfc1123(std::string_view text) {
  std::string name;
  for (const unsigned char c : text) {
    const char lower = static_cast<char>(std::tolower(c));
    const bool allowed =
        (lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9') || lower == '-';
    if (allowed && !(name.empty() && lower == '-')) name += lower;
  }
  return name.substr(0, 63);
}

std::string unique_name(std::string_view token, std::int64_t project, int project_slot) {
  return rfc1123(fmt::format("runner-{}-project-{}-concurrent-{}", job::short_token(token), project,
                             project_slot));
}

namespace {
std::string storage_name(std::string_view token, std::string_view system_id, std::int64_t project,
                         std::string_view part) {
  const auto text =
      fmt::format("{}-{}-{}-{}", token, system_id.empty() ? "unknown" : system_id, project, part);
  return "runner-" + digest_hex("SHA256", text).substr(0, 32);
}
}  // namespace

std::string storage_id(std::string_view token, std::string_view system_id, std::int64_t project,
                       int project_slot) {
  return storage_name(token, system_id, project, std::to_string(project_slot));
}

std::string shared_storage_id(std::string_view token, std::string_view system_id,
                              std::int64_t project) {
  return storage_name(token, system_id, project, "all");
}

std::string cache_volume_name(std::string_view id, std::string_view destination,
                              bool is_protected) {
  return fmt::format("{}-cache-{}{}", id, digest_hex("MD5", destination),
                     is_protected ? "-protected" : "");
}

}  // namespace slipway::executors::docker
