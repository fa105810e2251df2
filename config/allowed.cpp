#include "config/allowed.hpp"

#include <algorithm>
#include <array>

#include "config/schema.hpp"

namespace slipway::config {

namespace {
constexpr std::array table{
    Allowed{"log_level", "panic fatal error warn warning info debug trace", true, true},
    Allowed{"log_format", "runner text json", true, false},
    Allowed{"slipway.on_stop", "abort adopt", true, false},
    Allowed{"runners.executor",
            "custom docker docker+machine docker-autoscaler docker-windows instance kubernetes "
            "parallels shell ssh virtualbox",
            false, false},
    Allowed{"runners.shell", "bash sh cmd pwsh powershell", false, false},
    Allowed{"runners.docker.pull_policy", "always if-not-present never", false, false},
    Allowed{"runners.docker.allowed_pull_policies", "always if-not-present never", false, false},
    Allowed{"runners.docker.isolation", "default hyperv process", false, false},
    Allowed{"runners.docker.userns_mode", "host", false, false},
    Allowed{"runners.docker.agent", "auto off", true, false},
    Allowed{"runners.docker.dind.layer_cache", "off slot project", true, false},
    Allowed{"runners.cache.Type", "s3 gcs azure", false, false},
    Allowed{"runners.cache.s3.AuthenticationType", "access-key iam", false, true},
    Allowed{"runners.cache.s3.ServerSideEncryption", "S3 AES256 KMS aws:kms DSSE-KMS aws:kms:dsse",
            false, false},
    Allowed{"runners.kubernetes.pull_policy", "always if-not-present never", false, false},
    Allowed{"runners.kubernetes.allowed_pull_policies", "always if-not-present never", false,
            false},
    Allowed{"runners.kubernetes.dns_policy",
            "none default cluster-first cluster-first-with-host-net", false, false},
};
}  // namespace

const Allowed* find_allowed(std::string_view key) {
  const auto* const found = std::ranges::find(table, key, &Allowed::key);
  return found == table.end() ? nullptr : found;
}

std::vector<std::string_view> words_of(const Allowed& allowed) {
  std::vector<std::string_view> words;
  for (auto rest = allowed.values; !rest.empty();) {
    const auto blank = rest.find(' ');
    words.push_back(rest.substr(0, blank));
    rest = blank == std::string_view::npos ? "" : rest.substr(blank + 1);
  }
  return words;
}

bool is_allowed(const Allowed& allowed, std::string_view value) {
  if (value.empty()) return true;
  const auto words = words_of(allowed);
  return std::ranges::any_of(words, [&](std::string_view word) {
    return allowed.any_case ? equal_ignoring_case(word, value) : word == value;
  });
}

}  // namespace slipway::config
