#include "helper/cache/upload.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <system_error>

#include "helper/cache/http_date.hpp"
#include "helper/cache/store.hpp"
#include "helper/log.hpp"
#include "util/async.hpp"

namespace slipway::helper::cache {

namespace {

/// A file from its beginning, in the size it had.
class FileSource final : public net::BodySource {
 public:
  FileSource(int fd, std::uint64_t size) : fd_{fd}, size_{size} {}

  std::optional<std::uint64_t> size() const override { return size_; }
  asio::awaitable<std::size_t> read(std::span<char> buffer) override {
    const auto wanted =
        static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), size_ - at_));
    ssize_t got = 0;
    do got = ::pread(fd_, buffer.data(), wanted, static_cast<off_t>(at_));
    while (got < 0 && errno == EINTR);
    if (got < 0 || (got == 0 && wanted > 0))
      throw std::system_error{got < 0 ? errno : EIO, std::generic_category(),
                              "cannot read the cache"};
    at_ += static_cast<std::uint64_t>(got);
    co_return static_cast<std::size_t>(got);
  }
  void rewind() override { at_ = 0; }

 private:
  int fd_;
  std::uint64_t size_;
  std::uint64_t at_ = 0;
};

// Those that the connection sets by itself would come twice.
net::Headers headers_of(const std::vector<std::pair<std::string, std::string>>& given,
                        const struct stat& status) {
  net::Headers headers;
  for (const auto& [name, value] : given) headers.add(name, value);
  for (const auto* own : {"Host", "Content-Length", "Transfer-Encoding"}) headers.remove(own);
  if (!headers.find("Content-Type")) headers.set("Content-Type", "application/octet-stream");
  if (!headers.find("Last-Modified"))
    headers.set("Last-Modified",
                http_date(std::chrono::sys_seconds{std::chrono::seconds{status.st_mtime}}));
  return headers;
}

}  // namespace

asio::awaitable<void> upload(ObjectClient& client, std::string url,
                             std::vector<std::pair<std::string, std::string>> headers, int fd,
                             Retries retries) {
  const auto status = status_of(fd);
  FileSource source{fd, static_cast<std::uint64_t>(status.st_size)};
  const auto sent = headers_of(headers, status);
  for (int tries = 1;; ++tries) {
    std::optional<ObjectError> failure;
    source.rewind();
    try {
      auto this_time = sent;
      auto where = url;
      const auto response = co_await client.put(std::move(where), std::move(this_time), source);
      if (response.status < 200 || response.status > 299)
        failure.emplace(refusal_text(response.status, response.body), response.status >= 500);
    } catch (const ObjectError& error) {
      failure = error;
    }
    if (!failure) co_return;
    if (!failure->may_pass() || tries >= retries.most) throw ObjectError{*failure};
    log(LogLevel::warning, "Retrying...",
        {{"context", "cache-archiver"}, {"error", failure->what()}});
    co_await util::sleep_for(retries.pause);
  }
}

asio::awaitable<bool> exists(ObjectClient& client, std::string url) {
  if (url.empty()) co_return false;
  int status = 0;
  try {
    const auto response = co_await client.head(std::move(url));
    status = response.status;
  } catch (const ObjectError& error) {
    log(LogLevel::warning, error.what());
  }
  co_return status == 200;
}

}  // namespace slipway::helper::cache
