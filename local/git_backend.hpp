#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "local/child_process.hpp"
#include "net/server.hpp"
#include "util/asio_fwd.hpp"

namespace slipway::local {

/// What a request below `/<project>.git` asks for.
struct GitRequest {
  std::string project;
  bool advertise = false;  ///< info/refs; else git-upload-pack
};

/// Recognises the two requests of a fetch over smart HTTP; nullopt for everything else,
/// git-receive-pack included.
std::optional<GitRequest> parse_git_request(const net::Request& request);

/// User and password of a Basic `Authorization`; nullopt when there are none.
struct BasicCredentials {
  std::string user;
  std::string password;
};
std::optional<BasicCredentials> parse_basic(std::string_view authorization);

/// Serves bare repositories to `git fetch` by running `git http-backend`. The caller has checked
/// who asks.
class GitBackend {
 public:
  GitBackend(asio::any_io_executor executor, std::chrono::milliseconds limit)
      : executor_{std::move(executor)}, limit_{limit} {}

  /// \throws std::invalid_argument for a project path that is not plain.
  void add(std::string project, std::filesystem::path bare);
  bool knows(const std::string& project) const { return repositories_.contains(project); }

  /// Answers the exchange and returns the status sent. With `cut_after`, the connection is dropped
  /// after that many bytes of the body. \throws net::Error (the peer went away),
  /// util::TimeoutError. Cancellation: any kind; git is killed.
  asio::awaitable<int> serve(net::Exchange& exchange, GitRequest request,
                             std::optional<std::size_t> cut_after);

 private:
  asio::awaitable<int> run(net::Exchange& exchange, GitRequest request,
                           std::optional<std::size_t> cut_after);

  asio::any_io_executor executor_;
  std::chrono::milliseconds limit_;
  std::map<std::string, std::filesystem::path> repositories_;
  int running_ = 0;
};

}  // namespace slipway::local
