#pragma once

#include <memory>
#include <vector>

#include "docker_api/stream.hpp"
#include "net/stream.hpp"

namespace slipway::docker_api {

/// An upgraded connection that carries the multiplexed stream: attach and exec.
class StreamAttachment final : public Attachment {
 public:
  explicit StreamAttachment(std::unique_ptr<net::ByteStream> stream);

  asio::awaitable<bool> read(const StreamParser::Sink& sink) override;
  asio::awaitable<void> write(std::string_view data) override;
  void close() override;

 private:
  std::unique_ptr<net::ByteStream> stream_;
  StreamParser parser_;
  std::vector<char> buffer_;
};

}  // namespace slipway::docker_api
