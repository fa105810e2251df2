#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "net/server.hpp"
#include "util/asio_fwd.hpp"

namespace slipway::tests {

/// As much of a container registry as a pull needs, with faults on request. All images have one
/// layer; repositories differ in how they behave. Distribution API: /v2/, manifests, blobs.
class TestRegistry {
 public:
  enum class Behaviour {
    serve,
    unauthorized,  ///< 401 for everything
    absent,        ///< 404 for the manifest
    drop,          ///< the connection is closed within the layer
    drop_once,     ///< the same the first time
    mismatch,      ///< the layer's bytes are not those of its digest
    slow,          ///< the layer comes in pieces over two seconds
    stall,         ///< the layer stops half-way until release()
    silent,        ///< no answer to the manifest until release()
  };

  explicit TestRegistry(asio::any_io_executor executor);

  /// Binds; returns `host:port`. port 0 picks one.
  std::string listen(const std::string& address, std::uint16_t port = 0);
  /// \param layer  a tar archive.
  void add(const std::string& repository, std::string layer,
           Behaviour behaviour = Behaviour::serve);
  /// Lets what waits go on, and does not stop again.
  void release() { released_ = true; }
  /// True once a client waits at a `stall` or `silent`.
  bool holding() const { return holding_ > 0; }
  int requests() const { return requests_; }
  /// How often a layer was asked for.
  int layer_requests() const { return layer_requests_; }
  asio::awaitable<void> run() { return server_.run(); }

 private:
  struct Image {
    std::string layer;
    std::string config;
    std::string manifest;
    std::string layer_digest;
    std::string config_digest;
    Behaviour behaviour = Behaviour::serve;
  };
  asio::awaitable<void> serve(net::Exchange& exchange);
  asio::awaitable<void> serve_manifest(net::Exchange& exchange, const Image& image);
  asio::awaitable<void> serve_layer(net::Exchange& exchange, Image& image);
  asio::awaitable<void> hold();

  std::map<std::string, Image> images_;
  bool released_ = false;
  int holding_ = 0;
  int requests_ = 0;
  int layer_requests_ = 0;
  net::HttpServer server_;
};

}  // namespace slipway::tests
