#pragma once

#include <string>

#include "object_store/signed_url.hpp"
#include "util/secret.hpp"

namespace slipway::object_store {

/// A container of Azure Blob Storage, and the account that it belongs to.
struct AzureContainer {
  std::string name;
  std::string account;
  util::Secret account_key;    ///< base64
  std::string storage_domain;  ///< "" = blob.core.windows.net
};

/// As the functions of s3.hpp, by a shared access signature of one blob: the address for reading
/// serves GET and HEAD. Azure Storage: "Create a service SAS".
SignedUrl azure_get(const AzureContainer& container, const std::string& blob,
                    const Validity& validity);
SignedUrl azure_head(const AzureContainer& container, const std::string& blob,
                     const Validity& validity);
/// \param metadata  `x-ms-meta-<name>`: not signed, but to be sent as well.
SignedUrl azure_put(const AzureContainer& container, const std::string& blob,
                    const Validity& validity, const Headers& metadata);

}  // namespace slipway::object_store
