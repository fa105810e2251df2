#include "object_store/azure.hpp"

#include <fmt/format.h>

#include <map>

#include "object_store/encoding.hpp"

namespace slipway::object_store {

namespace {

constexpr std::string_view version = "2021-12-02";

/// \param permissions  in the documented order: `r` read, `c` create, `w` write.
SignedUrl signed_url(const AzureContainer& container, const std::string& permissions,
                     const std::string& blob, const Validity& validity, Headers headers) {
  if (container.name.empty()) throw StoreError{"ContainerName can't be empty"};
  if (container.account.empty()) throw StoreError{"AccountName can't be empty"};
  const auto key = base64_decoded(container.account_key.reveal());
  if (!key) throw StoreError{"AccountKey is not in base64"};
  const auto expiry = extended_time(validity.from + validity.length);
  // Without a start, which a clock that goes wrong would put into the future.
  constexpr std::string_view start;
  const auto resource = fmt::format("/blob/{}/{}/{}", container.account, container.name, blob);
  constexpr std::string_view empty;
  const auto text = fmt::format(
      "{permissions}\n{start}\n{expiry}\n{resource}\n{identifier}\n{ip}\n{protocol}\n{version}\n"
      "b\n{snapshot}\n{scope}\n{control}\n{disposition}\n{encoding}\n{language}\n{type}",
      fmt::arg("permissions", permissions), fmt::arg("start", start), fmt::arg("expiry", expiry),
      fmt::arg("resource", resource), fmt::arg("identifier", empty), fmt::arg("ip", empty),
      fmt::arg("protocol", "https"), fmt::arg("version", version), fmt::arg("snapshot", empty),
      fmt::arg("scope", empty), fmt::arg("control", empty), fmt::arg("disposition", empty),
      fmt::arg("encoding", empty), fmt::arg("language", empty), fmt::arg("type", empty));
  const std::map<std::string, std::string> query{
      {"se", expiry},      {"sig", base64(hmac_sha256(*key, text))},
      {"sp", permissions}, {"spr", "https"},
      {"sr", "b"},         {"sv", std::string{version}}};
  auto url = fmt::format(
      "https://{}.{}/{}/{}", container.account,
      container.storage_domain.empty() ? "blob.core.windows.net" : container.storage_domain,
      percent_encoded(container.name), percent_encoded(blob, true));
  char separator = '?';
  for (const auto& [name, value] : query) {
    url += fmt::format("{}{}={}", separator, name, percent_encoded(value));
    separator = '&';
  }
  return {std::move(url), std::move(headers)};
}

}  // namespace

SignedUrl azure_get(const AzureContainer& container, const std::string& blob,
                    const Validity& validity) {
  return signed_url(container, "r", blob, validity, {});
}

SignedUrl azure_head(const AzureContainer& container, const std::string& blob,
                     const Validity& validity) {
  return azure_get(container, blob, validity);
}

SignedUrl azure_put(const AzureContainer& container, const std::string& blob,
                    const Validity& validity, const Headers& metadata) {
  Headers headers{{"x-ms-blob-type", "BlockBlob"}};
  for (const auto& [name, value] : metadata) headers.emplace_back("x-ms-meta-" + name, value);
  return signed_url(container, "cw", blob, validity, std::move(headers));
}

}  // namespace slipway::object_store
