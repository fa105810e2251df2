#include "helper/cache/cache_extractor.hpp"

#include <fmt/format.h>

#include <exception>
#include <optional>

#include "helper/archive/archive_error.hpp"
#include "helper/archive/extract.hpp"
#include "helper/cache/http_date.hpp"
#include "helper/cache/store.hpp"
#include "helper/log.hpp"
#include "util/async.hpp"
#include "util/run.hpp"

namespace slipway::helper::cache {

namespace {

/// What HEAD says of an object.
struct Look {
  bool there = false;
  std::optional<std::chrono::sys_seconds> modified;
};

asio::awaitable<Look> look_at(ObjectClient& client, std::string url) {
  Look look;
  if (url.empty()) co_return look;
  try {
    const auto response = co_await client.head(std::move(url));
    look.there = response.status >= 200 && response.status < 300;
    look.modified = parse_http_date(response.headers.get("Last-Modified"));
  } catch (const ObjectError& error) {
    log(LogLevel::warning, error.what());
  }
  co_return look;
}

// The address to fetch. Without an alternate nobody is asked.
asio::awaitable<std::string> choose(ObjectClient& client, const ExtractRequest& request) {
  if (request.alternate.url.empty()) co_return request.object.url;
  const auto primary = co_await look_at(client, request.object.head_url);
  const auto alternate = co_await look_at(client, request.alternate.head_url);
  const bool newer = alternate.there && primary.there && alternate.modified &&
                     (!primary.modified || *alternate.modified > *primary.modified);
  const bool other = alternate.there && (!primary.there || newer);
  log(LogLevel::info, other ? "Selecting alternate cache key" : "Selecting primary cache key");
  co_return other ? request.alternate.url : request.object.url;
}

// The reason of a failure, in `problem`; true if it may pass.
asio::awaitable<bool> try_download(const ExtractRequest& request, std::string& problem) {
  problem.clear();
  ObjectClient client{co_await asio::this_coro::executor, request.timeout};
  auto url = co_await choose(client, request);
  auto work = download(client, std::move(url), request.project / request.file, request.tuning);
  try {
    co_await util::with_timeout(std::move(work), request.timeout);
  } catch (const ObjectError& error) {
    problem = error.what();
    co_return error.may_pass();
  } catch (const util::TimeoutError& error) {
    problem = error.what();
    co_return true;
  }
  co_return false;
}

asio::awaitable<void> fetch(const ExtractRequest& request, std::string& problem) {
  log(LogLevel::info, "Using presigned URL for cache download");
  for (int tries = 1;; ++tries) {
    const bool again = co_await try_download(request, problem);
    if (!again || tries >= request.tuning.retries.most) co_return;
    log(LogLevel::warning, "Retrying...", {{"context", "cache-extractor"}, {"error", problem}});
    co_await util::sleep_for(request.tuning.retries.pause);
  }
}

// Texts of errors other than ObjectError end in `problem`, too.
std::string fetch_to_store(const ExtractRequest& request) {
  std::string problem;
  try {
    util::run_to_end(fetch(request, problem));
  } catch (const archive::ArchiveError& error) {
    return fmt::format("what was downloaded is no cache: {}", error.what());
  } catch (const std::exception& error) {
    return error.what();
  }
  return problem;
}

}  // namespace

int extract_cache(const ExtractRequest& request) {
  if (request.file.empty()) {
    log(LogLevel::warning, "Missing cache file");
    return 1;
  }
  if (request.object.url.empty()) {
    log(LogLevel::info,
        "No URL provided, cache will not be downloaded from shared cache server. Instead a local "
        "version of cache will be extracted.");
  } else if (const auto problem = fetch_to_store(request); !problem.empty()) {
    log(LogLevel::warning, problem);
    return 1;
  }
  try {
    const auto archive = open_archive(request.project / request.file);
    if (!archive) {
      log(LogLevel::warning, "Cache file does not exist");
      return 1;
    }
    archive::check_archive(archive.get());
    archive::extract_archive(archive.get(), archive::Root{request.project});
    return 0;
  } catch (const std::exception& error) {
    log(LogLevel::fatal, error.what());
  }
  return 1;
}

}  // namespace slipway::helper::cache
