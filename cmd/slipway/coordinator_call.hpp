#pragma once

#include "cmd/slipway/interruption.hpp"
#include "gitlab_api/client.hpp"

/// One call to the coordinator, from a command without an event loop of its own. They wait at most
/// five minutes, retries included; every failure is a result. \throws Interrupted, when
/// `interruption` is given.
namespace slipway::cmd {

gitlab_api::RegisterResult call_register(gitlab_api::ClientOptions options,
                                         gitlab_api::RegisterParameters parameters,
                                         const Interruption* interruption);
gitlab_api::RegisterResult call_verify(gitlab_api::ClientOptions options,
                                       const Interruption* interruption);
gitlab_api::CallResult call_unregister(gitlab_api::ClientOptions options);
/// On behalf of a user where `personal_token` is not empty, else by the runner's own token.
gitlab_api::RegisterResult call_reset_token(gitlab_api::ClientOptions options, std::int64_t runner,
                                            util::Secret personal_token);

/// Logs `Verifying runner... is alive` and its kin. Returns whether GitLab has refused the runner.
bool log_verified(const gitlab_api::CallResult& result, const util::Secret& token);
/// Unregisters and logs how it went. Returns whether GitLab no longer has the runner (manager).
bool unregister_logged(gitlab_api::ClientOptions options);
/// The fields of a failed call: what was asked, the answer.
std::string failure_fields(const gitlab_api::CallResult& result);

}  // namespace slipway::cmd
