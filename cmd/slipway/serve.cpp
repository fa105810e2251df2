#include "cmd/slipway/serve.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <csignal>
#include <exception>
#include <filesystem>

#include "cmd/slipway/fatal.hpp"
#include "cmd/slipway/version.hpp"

namespace slipway::cmd {

runner::ServiceOptions completed(runner::ServiceOptions options) {
  namespace fs = std::filesystem;
  std::error_code error;
  const auto directory = fs::read_symlink("/proc/self/exe", error).parent_path();
  if (error) throw Fatal{"cannot find this program's own directory: /proc is not mounted"};
  // Where jobs that have no container find their directories.
  options.working_dir = fs::current_path(error).string();
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
