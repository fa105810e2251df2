#include "cmd/slipway/serve.hpp"

#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <csignal>
#include <exception>
#include <filesystem>

#include "cmd/slipway/fatal.hpp"
#include "cmd/slipway/version.hpp"

namespace slipway::cmd {

namespace {
/// A long poll, a log and an Engine's streams per job are more than the usual 1024 allow.
void raise_file_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  const auto before = limit.rlim_cur;
  limit.rlim_cur = limit.rlim_max;
  if (before < limit.rlim_max && ::setrlimit(RLIMIT_NOFILE, &limit) == 0)
    spdlog::debug("file descriptor limit raised from={} to={}", before, limit.rlim_max);
}
}  // namespace

runner::ServiceOptions completed(runner::ServiceOptions options) {
  namespace fs = std::filesystem;
  std::error_code error;
  const auto directory = fs::read_symlink("/proc/self/exe", error).parent_path();
  if (error) throw Fatal{"cannot find this program's own directory: /proc is not mounted"};
  options.version = version();
  options.revision = revision();
  options.helper_binary = (directory / "slipway-helper").string();
  options.helper_image_archive =
      (directory / ".." / "lib" / "slipway" / ("helper-image-" + architecture() + ".tar.gz"))
          .string();
  options.helper_image_name = "slipway-helper:" + version();
  if (!fs::exists(options.helper_binary))
    throw Fatal{options.helper_binary + " is missing: it must lie beside slipway; reinstall both"};
  return options;
}

int serve(runner::ServiceOptions given) {
  auto options = completed(std::move(given));
  raise_file_limit();
  // A peer that goes away is an error of the call, not the end of the process.
  std::signal(SIGPIPE, SIG_IGN);
  asio::io_context io{1};
  runner::Service service{io.get_executor(), std::move(options)};
  int exit_code = 1;
  std::exception_ptr failure;
  asio::co_spawn(io, service.run(), [&](std::exception_ptr ended, int code) {
    failure = ended;
    exit_code = code;
    io.stop();  // idle connections would keep it for a while
  });
  io.run();
  if (failure) std::rethrow_exception(failure);
  return exit_code;
}

}  // namespace slipway::cmd
