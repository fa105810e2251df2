#pragma once

#include <boost/asio/local/stream_protocol.hpp>
#include <chrono>
#include <deque>
#include <functional>
#include <list>
#include <set>
#include <string>
#include <string_view>

#include "util/asio_fwd.hpp"
#include "util/condition.hpp"
#include "util/task_group.hpp"

namespace slipway::tests {

/// A Unix socket in front of the Engine's that passes everything on, but for what its rules say:
/// faults that a real Engine does not produce on demand, and the right moment for those that it
/// does. An Engine that is away closes the connection.
class EngineProxy {
 public:
  /// What happens to requests of one kind.
  struct Rule {
    std::string method;  ///< "" = any
    std::string part;    ///< of the target
    int times = 1;       ///< how many requests; then the rule is spent
    /// Called with the request line before the request is passed on, or not.
    std::function<void(const std::string& line)> before = nullptr;
    std::string answer = "";   ///< given instead of passing the request on
    std::string replace = "";  ///< given instead of the Engine's answer (a small one)
    bool drop_answer = false;  ///< the connection is closed when the Engine answers
    bool freeze = false;       ///< from this request on nothing passes until thaw()
    /// Everything that the Engine sends on this connection comes so much later.
    std::chrono::milliseconds delay{0};
  };

  EngineProxy(asio::any_io_executor executor, std::string engine_socket, std::string own_socket);

  void add(Rule rule) { rules_.push_back(std::move(rule)); }
  void clear_rules() { rules_.clear(); }
  /// Requests that rules are still waiting for.
  int left() const;
  bool frozen() const { return frozen_; }
  void thaw();
  /// The next attach connections are cut after so many bytes from the Engine each; later ones are
  /// left alone.
  void cut_attach_after(std::deque<std::size_t> bytes) { cuts_ = std::move(bytes); }
  std::size_t cuts_left() const { return cuts_.size(); }
  /// Connections from the client whose last request has `part` in its target.
  int open(std::string_view part) const;
  /// Cuts them.
  void cut(std::string_view part);
  /// Serves until cancelled.
  asio::awaitable<void> run();

  /// An answer as the Engine writes it: `{"message": …}`.
  static std::string refusal(int status, const std::string& message);
  static std::string answer(int status, const std::string& headers, const std::string& body);

 private:
  using Socket = asio::local::stream_protocol::socket;
  struct Link {
    Link(Socket a, Socket b) : client{std::move(a)}, engine{std::move(b)} {}
    Socket client;
    Socket engine;
    std::string line;  ///< of the last request
    bool limited = false;
    std::size_t left = 0;
    std::string replace;
    bool drop = false;
    std::chrono::milliseconds delay{0};
  };
  struct Registration;
  asio::awaitable<void> serve(Socket client);
  asio::awaitable<void> to_engine(Link& link);
  asio::awaitable<void> to_client(Link& link);
  asio::awaitable<void> while_frozen();
  Rule take_rule(std::string_view bytes);

  asio::any_io_executor executor_;
  std::string engine_socket_;
  asio::local::stream_protocol::acceptor acceptor_;
  std::deque<std::size_t> cuts_;
  std::list<Rule> rules_;
  std::set<Link*> open_;
  bool frozen_ = false;
  util::Condition thawed_;
  util::TaskGroup links_;
};

}  // namespace slipway::tests
