#include "docker_api/dialect.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "docker_api/version.hpp"

namespace slipway::docker_api {
namespace {

struct Phrase {
  std::string_view object;  ///< part of the call's name; what is missing must be what was asked for
  std::string_view words;   ///< of the message, in lower case
  int status;
};

constexpr std::array phrases{
    Phrase{"/containers", "can only create exec sessions on running containers", 409},
    Phrase{"/containers", "container state improper", 409},
    Phrase{"/containers", "is already in use", 409},
    Phrase{"/containers", "no such container", 404},
    Phrase{"/containers", "no container with name or id", 404},
    Phrase{"/exec", "no such exec session", 404},
    Phrase{"/volumes", "is being used", 409},
    Phrase{"/volumes", "no such volume", 404},
    Phrase{"/networks", "is being used", 409},
    Phrase{"/networks", "has associated containers", 409},
    Phrase{"/networks", "network not found", 404},
    Phrase{"/images", "image not known", 404},
};

std::string lower(std::string_view text) {
  std::string result{text};
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

bool has(std::string_view text, std::string_view words) {
  return text.find(words) != std::string_view::npos;
}

}  // namespace

int usual_status(std::string_view call, int status, std::string_view message) {
  if (status != 500) return status;
  const auto text = lower(message);
  for (const auto& phrase : phrases)
    if (has(call, phrase.object) && has(text, phrase.words)) return phrase.status;
  return status;
}

std::string version_advice(std::string_view message, std::string_view pinned) {
  const bool old = has(message, "is too old. Minimum supported API version is");
  const bool recent = has(message, "is too new. Maximum supported API version is");
  if (!old && !recent) return "";
  if (!pinned.empty())
    return fmt::format("; the environment variable DOCKER_API_VERSION pins {}: unset it", pinned);
  return fmt::format(
      "; slipway speaks versions {} to {}: {}", minimum_version.text(), maximum_version.text(),
      old ? "update slipway, or use an older Docker Engine" : "use a newer Docker Engine");
}

}  // namespace slipway::docker_api
