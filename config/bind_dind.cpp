#include <fmt/format.h>

#include "config/bind.hpp"
#include "config/disk_level.hpp"
#include "config/fields.hpp"

namespace slipway::config {

namespace {

/// \throws ConfigError at the key's place.
[[noreturn]] void refuse(const Fields& fields, const std::string& path, const char* key,
                         const std::string& value, const char* what) {
  const auto& at = fields.find(key)->source().begin;
  throw ConfigError{path, at.line, at.column,
                    fmt::format("key \"runners.docker.dind.{}\": \"{}\" is {}", key, value, what)};
}

void bind_layer_cache(const Fields& fields, const std::string& path, Dind& dind) {
  std::string mode = "off";
  fields.read("layer_cache", mode);
  if (mode == "slot")
    dind.layer_cache = Dind::LayerCache::slot;
  else if (mode == "project")
    dind.layer_cache = Dind::LayerCache::project;
  else if (mode != "off")
    refuse(fields, path, "layer_cache", mode, "neither \"off\" nor \"slot\" nor \"project\"");
  std::string size;
  fields.read("layer_cache_size", size);
  if (size.empty()) return;
  const auto level = parse_disk_level(size);
  if (!level || level->unit == DiskLevel::Unit::percent)
    refuse(fields, path, "layer_cache_size", size, "neither a size, such as \"20GB\", nor \"off\"");
  dind.layer_cache_size = level->bytes;
}

}  // namespace

Dind bind_dind(const toml::table& table, const std::string& path) {
  const Fields fields{table};
  Dind dind;
  fields.read("readiness", dind.readiness);
  fields.read("isolate_certs", dind.isolate_certs);
  fields.read("mint_certs", dind.mint_certs);
  fields.read("plain_tls_flag", dind.plain_tls_flag);
  fields.read("mtu", dind.mtu);
  fields.read("dns", dind.dns);
  fields.read("images", dind.images);
  bind_layer_cache(fields, path, dind);
  return dind;
}

}  // namespace slipway::config
