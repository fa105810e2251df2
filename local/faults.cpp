#include "local/faults.hpp"

#include <numeric>
#include <utility>

namespace slipway::local {

std::string_view to_string(Endpoint endpoint) {
  switch (endpoint) {
    case Endpoint::register_runner:
      return "register_runner";
    case Endpoint::verify_runner:
      return "verify_runner";
    case Endpoint::unregister_runner:
      return "unregister_runner";
    case Endpoint::unregister_manager:
      return "unregister_manager";
    case Endpoint::reset_token:
      return "reset_token";
    case Endpoint::request_job:
      return "request_job";
    case Endpoint::update_job:
      return "update_job";
    case Endpoint::finish_job:
      return "finish_job";
    case Endpoint::patch_trace:
      return "patch_trace";
    case Endpoint::upload_artifacts:
      return "upload_artifacts";
    case Endpoint::download_artifacts:
      return "download_artifacts";
    case Endpoint::git_refs:
      return "git_refs";
    case Endpoint::git_upload_pack:
      return "git_upload_pack";
  }
  return "unknown";
}

void Faults::fail_next(Endpoint endpoint, int status, int times, FaultPoint point) {
  Answer answer;
  answer.status = status;
  fail_next(endpoint, std::move(answer), times, point);
}

void Faults::fail_next(Endpoint endpoint, Answer answer, int times, FaultPoint point) {
  planned_[endpoint].push_back({{point, std::move(answer)}, times});
}

void Faults::drop_next(Endpoint endpoint, FaultPoint point, int times) {
  planned_[endpoint].push_back({{point, std::nullopt}, times});
}

void Faults::delay_next(Endpoint endpoint, std::chrono::milliseconds delay, int times) {
  delays_[endpoint].push_back({delay, times});
}

void Faults::set_hook(Endpoint endpoint, Hook hook) {
  if (hook)
    hooks_[endpoint] = std::move(hook);
  else
    hooks_.erase(endpoint);
}

void Faults::clear() {
  planned_.clear();
  delays_.clear();
  hooks_.clear();
}

std::size_t Faults::pending() const {
  std::size_t sum = 0;
  for (const auto& [endpoint, list] : planned_)
    for (const auto& planned : list) sum += static_cast<std::size_t>(planned.times);
  for (const auto& [endpoint, list] : delays_)
    for (const auto& delay : list) sum += static_cast<std::size_t>(delay.times);
  return sum;
}

namespace {
/// The first entry that is not used up, which it uses once; the others before it are removed.
template <class Entry>
std::optional<Entry> use_first(std::vector<Entry>& list) {
  while (!list.empty() && list.front().times <= 0) list.erase(list.begin());
  if (list.empty()) return std::nullopt;
  auto used = list.front();
  if (--list.front().times <= 0) list.erase(list.begin());
  return used;
}
}  // namespace

std::optional<Faults::Fault> Faults::take(Endpoint endpoint, const net::Request& head,
                                          std::string_view body) {
  if (const auto list = planned_.find(endpoint); list != planned_.end())
    if (auto planned = use_first(list->second)) return std::move(planned->fault);
  if (const auto hook = hooks_.find(endpoint); hook != hooks_.end())
    if (auto answer = hook->second(head, body))
      return Fault{FaultPoint::before_processing, std::move(answer)};
  return std::nullopt;
}

std::chrono::milliseconds Faults::take_delay(Endpoint endpoint) {
  if (const auto list = delays_.find(endpoint); list != delays_.end())
    if (const auto delay = use_first(list->second)) return delay->delay;
  return std::chrono::milliseconds{0};
}

}  // namespace slipway::local
