#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "helper/cache/cache_archiver.hpp"
#include "helper/cache/cache_extractor.hpp"
#include "net/server.hpp"
#include "sources_fixture.hpp"

namespace slipway::helper::cache {

/// One request that the object server has seen.
struct ObjectRequest {
  std::string method;
  std::string target;
  net::Headers headers;
  std::size_t size = 0;  ///< of the body
  bool operator==(const std::string& text) const { return method + " " + target == text; }
};

/// What goes wrong, once.
struct Fault {
  std::string method;      ///< the next request of this method
  int status = 0;          ///< is answered with it
  std::string body;        ///< and this
  net::Headers headers{};  ///< and these
  std::size_t cut = 0;     ///< or breaks off after so many bytes
  bool drop = false;       ///< or gets no answer
};

/// A store of objects over HTTP in a thread of its own: GET with ranges, HEAD, PUT, each object
/// with its time and tag. A request without `?sig=right` is refused, like one whose signature is
/// wrong.
class ObjectServer {
 public:
  struct Object {
    std::string bytes;
    std::string modified;  ///< Last-Modified, "" = none
    net::Headers headers{};
  };

  ObjectServer();
  ~ObjectServer();
  ObjectServer(const ObjectServer&) = delete;

  /// A signed address of the object `/name`.
  std::string url(const std::string& name) const;
  void put(const std::string& name, Object object);
  Object get(const std::string& name);
  bool has(const std::string& name);
  void fail(Fault fault);
  /// It answers every request for a range with the whole object.
  void forget_ranges() { ranges_ = false; }
  /// After so many ranges the object becomes another one.
  void change_after(int ranges) { change_after_ = ranges; }
  std::vector<ObjectRequest> seen();
  /// How many answers were under way at once.
  int most_at_once() const { return most_at_once_; }

 private:
  asio::awaitable<void> serve(net::Exchange& exchange);
  asio::awaitable<void> answer(net::Exchange& exchange, std::string body);
  asio::awaitable<void> give(net::Exchange& exchange, Object object, std::size_t cut);
  Fault take_fault(const std::string& method);

  asio::io_context io_{1};
  std::unique_ptr<net::HttpServer> server_;
  std::uint16_t port_ = 0;
  std::thread thread_;
  std::mutex mutex_;
  std::map<std::string, Object> objects_;
  std::deque<Fault> faults_;
  std::vector<ObjectRequest> seen_;
  bool ranges_ = true;
  int change_after_ = -1;
  int at_once_ = 0;
  int most_at_once_ = 0;
};

/// A project, a local store and an object server.
class CacheTest : public SourcesDirectory {
 protected:
  void SetUp() override;

  void write(const std::string& path, const std::string& text) const;
  /// Makes an archive of one file, as somebody else has saved it.
  std::string archive_of(const std::string& path, const std::string& text,
                         const std::string& format = "zip") const;
  ArchiveRequest save_request(std::vector<std::string> paths) const;
  ExtractRequest restore_request() const;
  /// Run it; what it logged, without colours, is in `log_`.
  int save(const ArchiveRequest& request);
  int restore(const ExtractRequest& request);
  /// Names in the archive of the store, as Info-ZIP lists them.
  std::string listed() const;
  /// What is in the archive's directory.
  std::vector<std::string> store_files() const;

  std::filesystem::path project_;
  std::filesystem::path file_;  ///< of the store
  ObjectServer server_;
  std::string log_;
};

}  // namespace slipway::helper::cache
