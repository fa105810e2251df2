#include "executors/docker/image_name.hpp"

#include <algorithm>
#include <cctype>

namespace slipway::executors::docker {

namespace {

/// That of the longest algorithm, `sha512:`, has 135.
constexpr std::size_t longest_digest = 255;

bool is_lower_alnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/// One path component: lower-case words joined by `.`, `_`, `__` or dashes.
bool valid_component(std::string_view text) {
  if (text.empty() || !is_lower_alnum(text.front()) || !is_lower_alnum(text.back())) return false;
  for (std::size_t i = 0; i < text.size();) {
    if (is_lower_alnum(text[i])) {
      ++i;
      continue;
    }
    const auto end = text.find_first_of("abcdefghijklmnopqrstuvwxyz0123456789", i);
    const auto separator = text.substr(i, end - i);
    const bool dashes = separator.find_first_not_of('-') == std::string_view::npos;
    if (separator != "." && separator != "_" && separator != "__" && !dashes) return false;
    i = end;
  }
  return true;
}

bool is_host(std::string_view text) {
  return text.find_first_of(".:") != std::string_view::npos || text == "localhost" ||
         std::any_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

bool valid_host(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon != std::string_view::npos) {
    const auto port = text.substr(colon + 1);
    if (port.empty() || port.find_first_not_of("0123456789") != std::string_view::npos)
      return false;
    text = text.substr(0, colon);
  }
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) || c == '.' || c == '-' || c == '[' || c == ']' || c == ':';
  });
}

bool valid_tag(std::string_view text) {
  if (text.empty() || text.size() > 128 || text.front() == '.' || text.front() == '-') return false;
  return std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) || c == '_' || c == '.' || c == '-';
  });
}

bool valid_digest(std::string_view text) {
  const auto colon = text.find(':');
  if (colon == 0 || colon == std::string_view::npos || text.size() - colon - 1 < 32) return false;
  if (text.size() > longest_digest) return false;
  const auto algorithm = text.substr(0, colon);
  if (!std::all_of(algorithm.begin(), algorithm.end(), [](unsigned char c) {
        return std::isalnum(c) || c == '+' || c == '.' || c == '_' || c == '-';
      }))
    return false;
  return std::all_of(text.begin() + static_cast<std::ptrdiff_t>(colon) + 1, text.end(),
                     [](unsigned char c) { return std::isxdigit(c) && !std::isupper(c); });
}

bool valid_repository(std::string_view repository) {
  const auto slash = repository.find('/');
  if (slash != std::string_view::npos && is_host(repository.substr(0, slash))) {
    if (!valid_host(repository.substr(0, slash))) return false;
    repository.remove_prefix(slash + 1);
  }
  while (true) {
    const auto end = repository.find('/');
    if (!valid_component(repository.substr(0, end))) return false;
    if (end == std::string_view::npos) return true;
    repository.remove_prefix(end + 1);
  }
}

std::string replace_all(std::string text, char from, std::string_view to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, 1, to);
  return text;
}

}  // namespace

std::optional<ImageName> parse_image_name(std::string_view text) {
  ImageName name;
  if (const auto at = text.find('@'); at != std::string_view::npos) {
    name.digest = text.substr(at + 1);
    if (!valid_digest(name.digest)) return std::nullopt;
    text = text.substr(0, at);
  }
  const auto slash = text.rfind('/');
  const auto colon = text.rfind(':');
  if (colon != std::string_view::npos && (slash == std::string_view::npos || colon > slash)) {
    name.tag = text.substr(colon + 1);
    if (!valid_tag(name.tag)) return std::nullopt;
    text = text.substr(0, colon);
  }
  if (text.empty() || text.size() > 255 || !valid_repository(text)) return std::nullopt;
  name.repository = text;
  return name;
}

std::string ImageName::qualified_repository() const {
  const auto slash = repository.find('/');
  if (slash == std::string::npos) return "docker.io/library/" + repository;
  const auto host = repository.substr(0, slash);
  if (is_host(host)) return repository;
  return "docker.io/" + repository;
}

std::string ImageName::with_default_tag() const {
  auto text = repository;
  if (!tag.empty()) text += ":" + tag;
  if (!digest.empty()) text += "@" + digest;
  if (tag.empty() && digest.empty()) text += ":latest";
  return text;
}

ServiceName service_name(const ImageName& image) {
  ServiceName service;
  service.name = image.repository;
  const auto slash = service.name.find('/');
  const auto colon = service.name.find(':');
  if (slash != std::string::npos && colon != std::string::npos && colon < slash)
    service.name.erase(colon, slash - colon);
  service.version = !image.tag.empty()      ? image.tag
                    : !image.digest.empty() ? "@" + image.digest
                                            : std::string{"latest"};
  service.aliases.push_back(replace_all(service.name, '/', "__"));
  auto dashed = replace_all(service.name, '/', "-");
  if (dashed != service.aliases.front()) service.aliases.push_back(std::move(dashed));
  return service;
}

std::vector<std::string> split_aliases(std::string_view text) {
  std::vector<std::string> words;
  constexpr std::string_view separators = " ,\t\r\n";
  for (std::size_t at = 0;
       (at = text.find_first_not_of(separators, at)) != std::string_view::npos;) {
    const auto end = std::min(text.find_first_of(separators, at), text.size());
    words.emplace_back(text.substr(at, end - at));
    at = end;
  }
  return words;
}

bool is_dind_image(const ImageName& image) {
  const auto has_word = [](std::string_view text) {
    for (std::size_t at = 0; (at = text.find("dind", at)) != std::string_view::npos; at += 4) {
      const bool starts = at == 0 || !std::isalnum(static_cast<unsigned char>(text[at - 1]));
      const bool ends =
          at + 4 == text.size() || !std::isalnum(static_cast<unsigned char>(text[at + 4]));
      if (starts && ends) return true;
    }
    return false;
  };
  const auto slash = image.repository.rfind('/');
  return has_word(std::string_view{image.repository}.substr(slash + 1)) || has_word(image.tag);
}

}  // namespace slipway::executors::docker
