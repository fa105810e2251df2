#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <memory>
#include <string>

#include "cmd/slipway/exec_options.hpp"
#include "runner/service.hpp"
#include "util/secret.hpp"

namespace slipway::cmd {

/// The daemon's own Service, with one docker runner that is made in memory, for the coordinator at
/// `url`. Its state directory is the first below the user's that no other process uses; what a
/// killed `exec` left there is not gone on with, but removed by the Service's first sweep.
/// \throws Fatal, std::runtime_error.
std::unique_ptr<runner::Service> make_exec_service(asio::any_io_executor executor,
                                                   const ExecOptions& options,
                                                   const std::string& url,
                                                   const util::Secret& token);

/// Most jobs at once.
int exec_concurrency(const ExecOptions& options);

}  // namespace slipway::cmd
