#pragma once

#include <cstdint>
#include <deque>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "local/job_record.hpp"
#include "net/http.hpp"
#include "util/secret.hpp"

namespace slipway::local {

/// The registered runners and the calls that concern them alone. `body` is the request's JSON
/// object. GitLab API: /api/v4/runners.
class Runners {
 public:
  Runners(util::Secret registration_token, std::int64_t first_id)
      : registration_token_{std::move(registration_token)}, next_id_{first_id} {}

  net::Response register_runner(const nlohmann::json& body);
  net::Response verify(const net::Request& head, const nlohmann::json& body);
  net::Response unregister(const net::Request& head, const nlohmann::json& body);
  net::Response unregister_manager(const net::Request& head, const nlohmann::json& body);
  net::Response reset_token(const nlohmann::json& body);

  std::int64_t add(util::Secret token, std::vector<std::string> tags, bool run_untagged);
  /// The runner that `head` and `body` authenticate: RUNNER-TOKEN and the member `token` must
  /// agree. Null if there is none.
  RunnerRecord* authenticate(const net::Request& head, const nlohmann::json& body);
  RunnerRecord* by_id(std::int64_t id);
  const std::deque<RunnerRecord>& list() const { return list_; }

 private:
  RunnerRecord* by_token(std::string_view token);

  util::Secret registration_token_;
  std::int64_t next_id_;
  std::deque<RunnerRecord> list_;
};

/// Notes which machine calls and what it says of itself.
void note_manager(RunnerRecord& runner, const nlohmann::json& body);

/// Whether `runner` may run a job that wants `tags`.
bool accepts(const RunnerRecord& runner, const std::vector<std::string>& tags);

}  // namespace slipway::local
