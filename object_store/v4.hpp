#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "object_store/signed_url.hpp"

namespace slipway::object_store {

/// A request to be signed by its address. AWS: "Authenticating Requests: Using Query Parameters
/// (AWS Signature Version 4)". Google Cloud: "V4 signing process", which is the same with other
/// names.
struct V4Request {
  std::string method;
  std::string scheme = "https";
  std::string host;  ///< with the port where it is not the scheme's
  std::string path;  ///< encoded, beginning with a slash
  Headers headers;   ///< beside `host`
  Headers query;     ///< not encoded
};

/// The dialect and the identity.
struct V4Signer {
  std::string algorithm;       ///< AWS4-HMAC-SHA256
  std::string prefix;          ///< of the parameters: `X-Amz-`
  std::string identity;        ///< access key
  std::string scope;           ///< of the day: `<region>/s3/aws4_request`
  std::string security_token;  ///< "" = none
  /// Of the string to sign, in hex. \param day  `20130524`
  std::function<std::string(const std::string& day, std::string_view text)> sign;
};

/// The longest that such an address may hold: 7 days.
inline constexpr std::chrono::seconds longest_v4_validity = std::chrono::hours{168};

/// What of a request is hashed: method, path, query, headers.
std::string canonical_request(const V4Request& request, const V4Signer& signer,
                              const Validity& validity);
/// What is signed.
std::string string_to_sign(const V4Request& request, const V4Signer& signer,
                           const Validity& validity);
/// The address. A longer validity than the longest is cut.
std::string v4_url(const V4Request& request, const V4Signer& signer, const Validity& validity);

}  // namespace slipway::object_store
