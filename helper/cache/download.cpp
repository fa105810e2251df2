#include "helper/cache/download.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "gitlab_api/url.hpp"
#include "helper/archive/extract.hpp"
#include "helper/cache/http_date.hpp"
#include "helper/cache/store.hpp"
#include "helper/log.hpp"
#include "util/async.hpp"
#include "util/task_group.hpp"

namespace slipway::helper::cache {

namespace {

constexpr std::size_t buffer_size = 128u << 10;
constexpr std::size_t error_body_limit = 16u << 10;

/// `bytes 0-0/1234`.
struct ContentRange {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;  ///< the last byte
  std::uint64_t total = 0;
};

std::optional<ContentRange> parse_content_range(std::string_view text) {
  constexpr std::string_view unit = "bytes ";
  if (!text.starts_with(unit)) return std::nullopt;
  text.remove_prefix(unit.size());
  ContentRange range;
  const std::pair<std::uint64_t*, char> parts[] = {
      {&range.begin, '-'}, {&range.end, '/'}, {&range.total, '\0'}};
  for (const auto& [number, separator] : parts) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *number);
    if (error != std::errc{}) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (separator == '\0') break;
    if (!text.starts_with(separator)) return std::nullopt;
    text.remove_prefix(1);
  }
  if (!text.empty() || range.begin > range.end || range.end >= range.total) return std::nullopt;
  return range;
}

net::Headers range_header(std::uint64_t begin, std::uint64_t end) {
  net::Headers headers;
  headers.set("Range", fmt::format("bytes={}-{}", begin, end));
  return headers;
}

void write_at(int fd, std::uint64_t offset, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto wrote = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0)
      throw std::system_error{errno, std::generic_category(), "cannot store the cache"};
    bytes.remove_prefix(static_cast<std::size_t>(wrote));
    offset += static_cast<std::uint64_t>(wrote);
  }
}

/// Puts a body at `offset`; returns its size. More than `limit` bytes are an error.
asio::awaitable<std::uint64_t> store_body(net::ResponseStream& stream, int fd, std::uint64_t offset,
                                          std::uint64_t limit) {
  std::vector<char> buffer(buffer_size);
  std::uint64_t size = 0;
  while (true) {
    std::size_t got = 0;
    std::optional<std::string> failure;
    try {
      got = co_await stream.read_some(buffer);
    } catch (const net::Error& error) {
      failure = error.what();
    }
    if (failure) throw ObjectError{*failure, true};
    if (got == 0) co_return size;
    if (got > limit - size) throw ObjectError{"the server sent more than was asked for", true};
    write_at(fd, offset + size, {buffer.data(), got});
    size += got;
  }
}

/// `X-Amz-Meta-Cachekey` → `cachekey`.
Metadata metadata_of(const net::Headers& headers) {
  constexpr std::string_view mark = "-meta-";
  Metadata metadata;
  for (const auto& [name, value] : headers.fields()) {
    std::string lower = name;
    std::ranges::transform(lower, lower.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    const auto at = lower.find(mark);
    if (!lower.starts_with("x-") || at == std::string::npos || at < 2) continue;
    metadata[lower.substr(at + mark.size())] = value;
  }
  return metadata;
}

/// What all parts of one object have in common.
struct Version {
  std::string etag;
  std::string modified;
  bool operator==(const Version&) const = default;
};

Version version_of(const net::Headers& headers) {
  return {headers.get("ETag"), headers.get("Last-Modified")};
}

class Download {
 public:
  Download(ObjectClient& client, std::string url, std::filesystem::path file, Tuning tuning)
      : client_{client}, url_{std::move(url)}, file_{std::move(file)}, tuning_{tuning} {}

  asio::awaitable<void> run() {
    const bool probing = tuning_.parallel && tuning_.concurrency > 1;
    auto headers = probing ? range_header(0, 0) : net::Headers{};
    auto stream = co_await open(std::move(headers));
    // A range of an empty object cannot be had.
    if (probing && stream->head().status == 416) stream = co_await open_whole();
    co_await expect_success(*stream);
    head_ = stream->head();
    version_ = version_of(head_.headers);
    if (is_up_to_date()) {
      log(LogLevel::info, file_.filename().string() + " is up to date");
      co_return;
    }
    const auto range = parse_content_range(head_.headers.get("Content-Range"));
    const bool in_parts = head_.status == 206;
    if (in_parts && !range) throw ObjectError{"the server sent a part of something", false};
    if (in_parts && range->total > tuning_.chunk_size) {
      stream.reset();
      co_await fetch_in_parallel(range->total);
    } else {
      // The probe's answer is the object, unless the server knows ranges and it is a small one.
      if (in_parts) stream = co_await open_whole();
      co_await expect_success(*stream);
      version_ = version_of(stream->head().headers);
      announce("");
      NewArchive archive{file_};
      co_await store_body(*stream, archive.fd(), 0, UINT64_MAX);
      publish(archive);
    }
  }

 private:
  asio::awaitable<std::unique_ptr<net::ResponseStream>> open(net::Headers headers) {
    return client_.get(url_, std::move(headers));
  }
  asio::awaitable<std::unique_ptr<net::ResponseStream>> open_whole() { return open({}); }

  static asio::awaitable<void> expect_success(net::ResponseStream& stream) {
    const int status = stream.head().status;
    if (status >= 200 && status < 300) co_return;
    if (status == 404) throw ObjectError{"file does not exist", false};
    const auto body = co_await read_some_body(stream, error_body_limit);
    throw ObjectError{refusal_text(status, body), status >= 500};
  }

  // An object that does not tell its time is not newer than what is here.
  bool is_up_to_date() const {
    const auto local = open_archive(file_);
    if (!local) return false;
    const auto modified = parse_http_date(version_.modified);
    return !modified || modified->time_since_epoch().count() <= status_of(local.get()).st_mtime;
  }

  void announce(std::string_view how) const {
    LogFields fields;
    if (!version_.etag.empty()) fields["etag"] = version_.etag;
    log(LogLevel::info,
        fmt::format("Downloading {} from {}{}", file_.filename().string(),
                    gitlab_api::display_url(url_), how),
        fields);
  }

  void publish(NewArchive& archive) const {
    archive::check_archive(archive.fd());
    timespec modified{0, UTIME_NOW};
    if (const auto time = parse_http_date(version_.modified))
      modified = {time->time_since_epoch().count(), 0};
    archive.publish(modified, metadata_of(head_.headers));
  }

  asio::awaitable<void> fetch_in_parallel(std::uint64_t total) {
    announce(" (parallel)");
    total_ = total;
    NewArchive archive{file_};
    const auto chunks = (total + tuning_.chunk_size - 1) / tuning_.chunk_size;
    std::vector<asio::awaitable<void>> workers;
    for (std::uint64_t i = 0; i < std::min<std::uint64_t>(tuning_.concurrency, chunks); ++i)
      workers.push_back(fetch_chunks(archive.fd()));
    co_await util::run_all(std::move(workers));
    publish(archive);
  }

  // One of several: takes the next chunk until there is none.
  asio::awaitable<void> fetch_chunks(int fd) {
    while (next_ < total_) {
      const auto begin = next_;
      const auto size = std::min(tuning_.chunk_size, total_ - begin);
      next_ += size;
      for (int tries = 1;; ++tries) {
        std::optional<ObjectError> failure;
        try {
          co_await fetch_chunk(fd, begin, size);
        } catch (const ObjectError& error) {
          failure = error;
        }
        if (!failure) break;
        if (!failure->may_pass() || tries >= tuning_.retries.most) throw ObjectError{*failure};
        log(LogLevel::warning, "Retrying...",
            {{"context", "cache-extractor"}, {"error", failure->what()}});
        co_await util::sleep_for(tuning_.retries.pause);
      }
    }
  }

  asio::awaitable<void> fetch_chunk(int fd, std::uint64_t begin, std::uint64_t size) {
    auto headers = range_header(begin, begin + size - 1);
    const auto stream = co_await open(std::move(headers));
    co_await expect_success(*stream);
    const auto& head = stream->head();
    const auto range = parse_content_range(head.headers.get("Content-Range"));
    const bool whole = range && range->begin == begin && range->end == begin + size - 1;
    // Parts of two versions make a third that nobody has made.
    if (head.status != 206 || !whole || range->total != total_ ||
        version_of(head.headers) != version_)
      throw ObjectError{"the object has changed while it was downloaded", false};
    const auto got = co_await store_body(*stream, fd, begin, size);
    if (got != size) throw ObjectError{"the server sent less than was asked for", true};
  }

  ObjectClient& client_;
  std::string url_;
  std::filesystem::path file_;
  Tuning tuning_;
  net::Response head_;
  Version version_;
  std::uint64_t total_ = 0;
  std::uint64_t next_ = 0;  ///< begin of the next chunk
};

}  // namespace

asio::awaitable<void> download(ObjectClient& client, std::string url, std::filesystem::path file,
                               Tuning tuning) {
  Download work{client, std::move(url), std::move(file), tuning};
  co_await work.run();
}

}  // namespace slipway::helper::cache
