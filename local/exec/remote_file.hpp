#pragma once

#include <string>

namespace slipway::local::exec {

/// The text behind an http(s) URL, following redirects; at most 2 MiB, within 30 s. Blocks.
/// \throws ci::SourceError with the URL's host in it: no network, no such file, too large.
std::string fetch_remote_file(const std::string& url);

}  // namespace slipway::local::exec
