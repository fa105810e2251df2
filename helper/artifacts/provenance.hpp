#pragma once

#include <cstdint>
#include <string>

#include "helper/archive/beneath.hpp"
#include "helper/archive/path_list.hpp"
#include "job/artifacts_stage.hpp"

namespace slipway::helper {

/// Whose artifacts they are.
struct ProvenanceOf {
  std::int64_t job = 0;
  std::string coordinator;  ///< URL
  const job::ArtifactProvenance& facts;
};

/// `NAME-metadata.json`, beside the files in the archive of that name ("" = artifacts).
std::string provenance_file_name(const std::string& artifact_name);

/// The statement of RUNNER_GENERATE_ARTIFACTS_METADATA on these files: in-toto's Statement v0.1
/// with SLSA's Provenance v1. A version that is asked for and is not `v1` is warned of. Each
/// regular file is read through once for its SHA-256. \throws archive::ArchiveError,
/// std::system_error
std::string provenance_statement(const ProvenanceOf& job, const archive::Root& project,
                                 const archive::PathList& files);

}  // namespace slipway::helper
