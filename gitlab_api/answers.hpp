#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "gitlab_api/client.hpp"
#include "gitlab_api/transport.hpp"

/// What the answers mean: pure functions from an answer to a result.
namespace slipway::gitlab_api {

/// The result of a call that succeeds with `expected`.
CallResult call_result(const Answer& answer, int expected);

/// `id`, `token` and `token_expires_at` of a JSON answer. Not JSON, or of another shape:
/// call.status is failed and `decoded` false.
struct DecodedRunner {
  RegisterResult result;
  bool decoded = false;
};
DecodedRunner decode_runner(const Answer& answer, int expected);

/// GitLab API: answers of POST /jobs/request.
JobRequestResult job_request_result(const Answer& answer);
/// GitLab API: answers of PATCH /jobs/:id/trace; `end` is the offset after the bytes sent.
PatchResult patch_result(const Answer& answer, std::uint64_t start, std::uint64_t end);
/// GitLab API: answers of PUT /jobs/:id.
UpdateResult update_result(const Answer& answer);

}  // namespace slipway::gitlab_api
