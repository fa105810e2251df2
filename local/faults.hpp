#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/http.hpp"

namespace slipway::local {

/// What the coordinator serves. The final PUT of a job is an endpoint of its own, so that
/// keep-alive PUTs do not use up its faults.
enum class Endpoint {
  register_runner,
  verify_runner,
  unregister_runner,
  unregister_manager,
  reset_token,
  request_job,
  update_job,  ///< PUT with state running or pending
  finish_job,  ///< PUT with state success or failed
  patch_trace,
  upload_artifacts,
  download_artifacts,
  git_refs,
  git_upload_pack,
};

std::string_view to_string(Endpoint endpoint);

/// When an answer is replaced or a connection is closed. A job whose hand-out was lost so goes back
/// to the queue after CoordinatorOptions::accept_limit.
enum class FaultPoint {
  before_processing,  ///< the request was read, nothing was done
  after_processing,   ///< everything was done, only the answer is lost or replaced
  mid_body,           ///< drop only: done, and half of the answer sent
};

/// A scripted answer.
struct Answer {
  int status = 500;
  std::string body = R"({"message":"injected fault"})";
  std::string content_type = "application/json";  ///< "" = none
  net::Headers headers;
};

/// Faults to come, per endpoint, used up in the order in which they were added; a delay and a fault
/// may meet in one call. Git answers are streamed: for them after_processing acts like
/// before_processing.
class Faults {
 public:
  /// Decides over every request of its endpoint that no other fault took; nullopt lets it pass.
  using Hook =
      std::function<std::optional<Answer>(const net::Request& head, std::string_view body)>;

  void fail_next(Endpoint endpoint, int status, int times = 1,
                 FaultPoint point = FaultPoint::before_processing);
  void fail_next(Endpoint endpoint, Answer answer, int times = 1,
                 FaultPoint point = FaultPoint::before_processing);
  void drop_next(Endpoint endpoint, FaultPoint point, int times = 1);
  void delay_next(Endpoint endpoint, std::chrono::milliseconds delay, int times = 1);
  /// An empty function removes the hook.
  void set_hook(Endpoint endpoint, Hook hook);
  void clear();
  /// Faults that nobody has met yet (delays included, hooks not): 0 at the end of a test that used
  /// them all.
  std::size_t pending() const;

  /// What happens to the call being served. Used by the coordinator.
  struct Fault {
    FaultPoint point = FaultPoint::before_processing;
    std::optional<Answer> answer;  ///< none: drop the connection
  };
  std::optional<Fault> take(Endpoint endpoint, const net::Request& head, std::string_view body);
  std::chrono::milliseconds take_delay(Endpoint endpoint);

 private:
  struct Planned {
    Fault fault;
    int times = 1;
  };
  struct Delay {
    std::chrono::milliseconds delay;
    int times = 1;
  };
  std::map<Endpoint, std::vector<Planned>> planned_;
  std::map<Endpoint, std::vector<Delay>> delays_;
  std::map<Endpoint, Hook> hooks_;
};

}  // namespace slipway::local
