#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "net/client.hpp"
#include "net/endpoint.hpp"
#include "net/server.hpp"
#include "util/asio_fwd.hpp"

namespace slipway::net {

/// A peer that speaks from a script, on loopback: for answers that no proper server gives.
class ScriptedPeer {
 public:
  struct Step {
    enum class Do { read_head, read_body, say, wait, close, reset, hold } act;
    std::string text{};                  ///< say
    std::size_t size = 0;                ///< read_body
    std::chrono::milliseconds pause{0};  ///< wait
  };
  using Script = std::vector<Step>;

  /// The n-th connection follows the n-th script; there must be no more.
  ScriptedPeer(asio::any_io_executor executor, std::vector<Script> scripts);

  Endpoint endpoint() const;
  asio::awaitable<void> run();
  const std::vector<std::string>& heads() const { return heads_; }
  std::size_t accepted() const { return accepted_; }
  /// Connections whose script ended, for whatever reason.
  std::size_t ended() const { return ended_; }

 private:
  asio::awaitable<void> serve(asio::ip::tcp::socket socket, Script script);
  asio::awaitable<void> play(asio::ip::tcp::socket& socket, Script script);

  asio::ip::tcp::acceptor acceptor_;
  std::vector<Script> scripts_;
  std::vector<std::string> heads_;
  std::size_t accepted_ = 0;
  std::size_t ended_ = 0;
};

/// Steps of a script.
ScriptedPeer::Step read_head();
ScriptedPeer::Step read_body(std::size_t size);
ScriptedPeer::Step say(std::string text);
ScriptedPeer::Step wait(std::chrono::milliseconds pause);  ///< neither read nor write
ScriptedPeer::Step close();
ScriptedPeer::Step reset();  ///< close with an RST
ScriptedPeer::Step hold();   ///< only listen until the other side closes

/// Runs `body` while `peer` runs, and ends the peer with it.
asio::awaitable<void> beside(asio::awaitable<void> peer, asio::awaitable<void> body);

/// `step: text` of the net::Error that `work` ends with; "aborted", "" for success, else what it
/// threw.
asio::awaitable<std::string> failure_of(asio::awaitable<void> work);
template <class T>
asio::awaitable<void> ignore(asio::awaitable<T> work) {
  co_await std::move(work);
}
/// Cancels `work` after 20 ms and tells how it ended, as failure_of().
asio::awaitable<std::string> cancelled(asio::awaitable<void> work);

Endpoint loopback(std::uint16_t port);
/// A path for a socket that no other test uses.
Endpoint unix_endpoint();

/// A body in memory, given out in pieces of `piece` bytes after `pause` each.
class TextSource final : public BodySource {
 public:
  TextSource(std::string text, std::size_t piece, bool sized, std::chrono::milliseconds pause = {});
  std::optional<std::uint64_t> size() const override;
  asio::awaitable<std::size_t> read(std::span<char> buffer) override;
  void rewind() override;
  int rewinds() const { return rewinds_; }

 private:
  std::string text_;
  std::size_t piece_;
  bool sized_;
  std::chrono::milliseconds pause_;
  std::size_t at_ = 0;
  int rewinds_ = 0;
};

/// All that is left of a stream, in reads of `piece` bytes.
asio::awaitable<std::string> read_all(ResponseStream& stream, std::size_t piece = 4096);
/// Reads until `size` bytes are there or the peer closed.
asio::awaitable<std::string> read_exactly(ByteStream& stream, std::size_t size);

}  // namespace slipway::net
