#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <exception>
#include <functional>
#include <optional>
#include <span>
#include <thread>

#include "helper/agent/fd.hpp"
#include "helper/archive/sink.hpp"
#include "net/client.hpp"

namespace slipway::helper {

/// An archive as the body of a request: made by a thread of its own while it is sent, never held as
/// a whole. Made anew for every try.
class ArchiveStream final : public net::BodySource {
 public:
  /// `make` writes the whole archive to the sink it is given; it is called in the stream's thread,
  /// once per try, never twice at a time. It must let pass what the sink throws.
  ArchiveStream(asio::any_io_executor executor, std::function<void(const archive::Sink&)> make);
  ArchiveStream(const ArchiveStream&) = delete;
  ~ArchiveStream() override;

  std::optional<std::uint64_t> size() const override { return std::nullopt; }
  /// \throws what `make` throws; std::system_error. Cancellation: any kind.
  asio::awaitable<std::size_t> read(std::span<char> buffer) override;
  void rewind() override { stop(); }

 private:
  void start();
  void stop();
  void produce(Fd out);

  std::function<void(const archive::Sink&)> make_;
  asio::local::stream_protocol::socket in_;
  std::thread thread_;
  std::exception_ptr failure_;  ///< of the thread; read after it was joined
};

}  // namespace slipway::helper
