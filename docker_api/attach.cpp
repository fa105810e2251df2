#include "docker_api/attach.hpp"

#include <fmt/format.h>

#include <span>
#include <utility>

#include "docker_api/client_impl.hpp"

namespace slipway::docker_api {
namespace {

constexpr std::size_t buffer_size = 64u << 10;

}  // namespace

StreamAttachment::StreamAttachment(std::unique_ptr<net::ByteStream> stream)
    : stream_{std::move(stream)}, buffer_(buffer_size) {}

asio::awaitable<bool> StreamAttachment::read(const StreamParser::Sink& sink) {
  const auto size = co_await stream_->read_some(std::span{buffer_});
  if (size == 0) co_return false;
  parser_.feed({buffer_.data(), size}, sink);
  co_return true;
}

asio::awaitable<void> StreamAttachment::write(std::string_view data) {
  co_await stream_->write(data);
}

void StreamAttachment::close() {
  stream_->close();
}

asio::awaitable<std::unique_ptr<Attachment>> Client::attach(std::string id, bool with_stdin) {
  constexpr std::string_view call_name = "POST /containers/{id}/attach";
  Call call{call_name,
            fmt::format("/containers/{}/attach?stream=1&stdout=1&stderr=1{}",
                        path_segment(call_name, id), with_stdin ? "&stdin=1" : ""),
            limits::attach()};
  auto stream = co_await impl_->transport.upgrade(std::move(call));
  co_return std::make_unique<StreamAttachment>(std::move(stream));
}

}  // namespace slipway::docker_api
