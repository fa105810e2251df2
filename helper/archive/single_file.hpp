#pragma once

#include "helper/archive/beneath.hpp"
#include "helper/archive/pack_options.hpp"
#include "helper/archive/path_list.hpp"
#include "helper/archive/sink.hpp"

namespace slipway::helper::archive {

/// `artifact_format: gzip`: each file as a gzip member (RFC 1952) with its base name as name and
/// its path as comment, one after another. In both, what is not ASCII or is a `%` makes the text
/// `e:` and percent-encoded. Level "fastest" (zip: store) is deflate's 1 here. \throws ArchiveError
/// `the "<p>" is not a regular file`, std::system_error, what `sink` throws.
void write_gzip(const Root& project, const PathList& files, const PackOptions& options,
                const Sink& sink);

/// `artifact_format: raw`: the one file's bytes. \throws ArchiveError `only one file can be sent as
/// raw`, as write_gzip().
void write_raw(const Root& project, const PathList& files, const Sink& sink);

}  // namespace slipway::helper::archive
