#pragma once

#include <string_view>

#include "local/job_record.hpp"
#include "net/http.hpp"

namespace slipway::local {

/// Stores the file part of a multipart upload. GitLab API: POST /jobs/:id/artifacts. 201, 400 for a
/// body that is no such upload, 403 for a job that is over.
net::Response store_artifact(JobRecord& job, const net::Request& head, std::string_view body);

/// The job's archive. GitLab API: GET /jobs/:id/artifacts. 200 or 404.
net::Response send_artifact(const JobRecord& job);

}  // namespace slipway::local
