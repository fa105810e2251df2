#include "cache_fixture.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <charconv>
#include <fstream>

#include "archive_fixture.hpp"
#include "artifacts_fixture.hpp"
#include "util/async.hpp"

namespace slipway::helper::cache {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

ObjectServer::ObjectServer() {
  server_ = std::make_unique<net::HttpServer>(
      io_.get_executor(), [this](net::Exchange& exchange) { return serve(exchange); });
  net::Endpoint endpoint;
  endpoint.host = "127.0.0.1";
  port_ = server_->listen(endpoint);
  asio::co_spawn(io_, server_->run(), asio::detached);
  thread_ = std::thread{[this] { io_.run(); }};
}

ObjectServer::~ObjectServer() {
  io_.stop();
  thread_.join();
}

std::string ObjectServer::url(const std::string& name) const {
  return fmt::format("http://127.0.0.1:{}/{}?sig=right", port_, name);
}

void ObjectServer::put(const std::string& name, Object object) {
  const std::lock_guard lock{mutex_};
  objects_["/" + name] = std::move(object);
}

ObjectServer::Object ObjectServer::get(const std::string& name) {
  const std::lock_guard lock{mutex_};
  return objects_.at("/" + name);
}

bool ObjectServer::has(const std::string& name) {
  const std::lock_guard lock{mutex_};
  return objects_.contains("/" + name);
}

void ObjectServer::fail(Fault fault) {
  const std::lock_guard lock{mutex_};
  faults_.push_back(std::move(fault));
}

std::vector<ObjectRequest> ObjectServer::seen() {
  const std::lock_guard lock{mutex_};
  return seen_;
}

Fault ObjectServer::take_fault(const std::string& method) {
  const std::lock_guard lock{mutex_};
  const auto found = std::ranges::find(faults_, method, &Fault::method);
  if (found == faults_.end()) return {};
  auto fault = std::move(*found);
  faults_.erase(found);
  return fault;
}

asio::awaitable<void> ObjectServer::serve(net::Exchange& exchange) {
  auto body = co_await exchange.read_body(256u << 20);
  {
    const std::lock_guard lock{mutex_};
    const auto& request = exchange.request();
    seen_.push_back({request.method, request.target, request.headers, body.size()});
  }
  most_at_once_ = std::max(most_at_once_, ++at_once_);
  co_await answer(exchange, std::move(body));
  --at_once_;
}

asio::awaitable<void> ObjectServer::answer(net::Exchange& exchange, std::string body) {
  const auto& request = exchange.request();
  const auto name = request.target.substr(0, request.target.find('?'));
  auto fault = take_fault(request.method);
  if (fault.drop) {
    exchange.drop();
    co_return;
  }
  net::Response response;
  response.status = fault.status;
  response.headers = fault.headers;
  response.body = fault.body;
  if (fault.status == 0 && !request.target.ends_with("?sig=right")) {
    response.status = 403;
    response.body =
        "<?xml version=\"1.0\"?><Error><Code>SignatureDoesNotMatch</Code>"
        "<Message>no\nway</Message></Error>";
  }
  if (response.status == 0 && request.method == "PUT") {
    put(name.substr(1), {std::move(body), request.headers.get("Last-Modified"), {}});
    response.status = 200;
  }
  if (response.status == 0 && !has(name.substr(1))) response.status = 404;
  if (response.status != 0) {
    co_await exchange.respond(std::move(response));
    co_return;
  }
  auto object = get(name.substr(1));
  co_await give(exchange, std::move(object), fault.cut);
}

asio::awaitable<void> ObjectServer::give(net::Exchange& exchange, Object object, std::size_t cut) {
  net::Response response;
  response.status = 200;
  response.headers = object.headers;
  response.headers.set("ETag", fmt::format("\"{:x}\"", std::hash<std::string>{}(object.bytes)));
  if (!object.modified.empty()) response.headers.set("Last-Modified", object.modified);
  const auto& request = exchange.request();
  const auto range = request.headers.get("Range");
  auto bytes = object.bytes;
  if (ranges_ && request.method == "GET" && range.starts_with("bytes=")) {
    if (change_after_-- == 0) response.headers.set("ETag", "\"another\"");
    std::size_t begin = 0;
    std::size_t end = 0;
    const auto* const last = range.data() + range.size();
    const auto dash = std::from_chars(range.data() + 6, last, begin).ptr;
    std::from_chars(dash + 1, last, end);
    end = std::min(end, bytes.size() - 1);
    response.status = 206;
    response.headers.set("Content-Range", fmt::format("bytes {}-{}/{}", begin, end, bytes.size()));
    bytes = bytes.substr(begin, end - begin + 1);
    co_await util::sleep_for(5ms);
  }
  if (cut == 0) {
    response.body = std::move(bytes);
    co_await exchange.respond(std::move(response));
    co_return;
  }
  response.headers.set("Content-Length", std::to_string(bytes.size()));
  co_await exchange.begin(std::move(response));
  const std::string_view part{bytes.data(), std::min(cut, bytes.size())};
  co_await exchange.write(part);
  exchange.drop();
}

void CacheTest::SetUp() {
  SourcesDirectory::SetUp();
  project_ = root_ / "builds/project";
  file_ = root_ / "cache/project/key/cache.zip";
  fs::create_directories(project_);
}

void CacheTest::write(const std::string& path, const std::string& text) const {
  fs::create_directories((project_ / path).parent_path());
  write_file(project_ / path, text);
}

std::string CacheTest::archive_of(const std::string& path, const std::string& text,
                                  const std::string& format) const {
  const auto other = root_ / "other";
  fs::create_directories((other / "project" / path).parent_path());
  write_file(other / "project" / path, text);
  ArchiveRequest request;
  request.choice = {other / "project", {path}, {}, false};
  request.file = "../archive";
  request.format = format;
  request.lookup = [](std::string_view) { return std::nullopt; };
  testing::internal::CaptureStderr();
  archive_cache(request);
  testing::internal::GetCapturedStderr();
  auto bytes = read_file(other / "archive");
  fs::remove_all(other);
  return bytes;
}

ArchiveRequest CacheTest::save_request(std::vector<std::string> paths) const {
  ArchiveRequest request;
  request.choice = {project_, std::move(paths), {}, false};
  request.file = "../../cache/project/key/cache.zip";
  request.alternate_file = "../../cache/project/hash/cache.zip";
  request.metadata = {{"cachekey", "key"}};
  request.timeout = 20s;
  request.retries.pause = 10ms;
  request.lookup = [](std::string_view name) -> std::optional<std::string> {
    if (name == "DIR") return "vendor";
    return std::nullopt;
  };
  return request;
}

ExtractRequest CacheTest::restore_request() const {
  ExtractRequest request;
  request.project = project_;
  request.file = "../../cache/project/key/cache.zip";
  request.timeout = 20s;
  request.tuning.retries.pause = 10ms;
  return request;
}

int CacheTest::save(const ArchiveRequest& request) {
  testing::internal::CaptureStderr();
  const int code = archive_cache(request);
  log_ = plain(testing::internal::GetCapturedStderr());
  return code;
}

int CacheTest::restore(const ExtractRequest& request) {
  testing::internal::CaptureStderr();
  const int code = extract_cache(request);
  log_ = plain(testing::internal::GetCapturedStderr());
  return code;
}

std::string CacheTest::listed() const {
  struct Runner : archive::ArchiveTest {
    using archive::ArchiveTest::run;
    void TestBody() override {}
  };
  return Runner::run({"unzip", "-Z1", file_.string()}, root_);
}

std::vector<std::string> CacheTest::store_files() const {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator{file_.parent_path()})
    names.push_back(entry.path().filename().string());
  std::ranges::sort(names);
  return names;
}

}  // namespace slipway::helper::cache
