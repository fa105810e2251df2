#include "local/runners.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "local/reply.hpp"

namespace slipway::local {

namespace {

constexpr std::size_t max_runners = 10'000;
constexpr std::size_t max_managers = 1'000;

std::vector<std::string> split_tags(const std::string& list) {
  std::vector<std::string> tags;
  std::size_t begin = 0;
  while (begin <= list.size()) {
    const auto end = std::min(list.find(',', begin), list.size());
    auto tag = list.substr(begin, end - begin);
    tag.erase(0, tag.find_first_not_of(" \t"));
    tag.erase(tag.find_last_not_of(" \t") + 1);
    if (!tag.empty()) tags.push_back(std::move(tag));
    begin = end + 1;
  }
  return tags;
}

bool bool_member(const nlohmann::json& object, const char* name, bool fallback) {
  const auto member = object.find(name);
  return member != object.end() && member->is_boolean() ? member->get<bool>() : fallback;
}

nlohmann::json token_answer(const RunnerRecord& runner) {
  return {{"id", runner.id}, {"token", runner.token.reveal()}, {"token_expires_at", nullptr}};
}

}  // namespace

void note_manager(RunnerRecord& runner, const nlohmann::json& body) {
  if (const auto info = body.find("info"); info != body.end() && info->is_object())
    runner.info = info->dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  auto system_id = string_member(body, "system_id");
  auto& known = runner.system_ids;
  if (!system_id.empty() && known.size() < max_managers &&
      std::find(known.begin(), known.end(), system_id) == known.end())
    known.push_back(std::move(system_id));
}

bool accepts(const RunnerRecord& runner, const std::vector<std::string>& tags) {
  if (runner.paused || runner.removed) return false;
  if (tags.empty()) return runner.run_untagged;
  return std::all_of(tags.begin(), tags.end(), [&runner](const std::string& tag) {
    return std::find(runner.tags.begin(), runner.tags.end(), tag) != runner.tags.end();
  });
}

net::Response Runners::register_runner(const nlohmann::json& body) {
  if (!same_secret(string_member(body, "token"), registration_token_.reveal()))
    return message_reply(403, "invalid token supplied");
  if (list_.size() >= max_runners) return message_reply(400, "too many runners");
  auto tags = split_tags(string_member(body, "tag_list"));
  const bool run_untagged = bool_member(body, "run_untagged", tags.empty());
  if (tags.empty() && !run_untagged)
    return json_reply(400, {{"message",
                             {{"tags_list",
                               {"can not be empty when runner is not "
                                "allowed to pick untagged jobs"}}}}});
  add(util::Secret{"glrtr-" + random_text(20)}, std::move(tags), run_untagged);
  auto& runner = list_.back();
  runner.description = string_member(body, "description");
  runner.paused = bool_member(body, "paused", false);
  note_manager(runner, body);
  return json_reply(201, token_answer(runner));
}

net::Response Runners::verify(const net::Request& head, const nlohmann::json& body) {
  auto* runner = authenticate(head, body);
  if (!runner) return message_reply(403);
  note_manager(*runner, body);
  return json_reply(200, token_answer(*runner));
}

net::Response Runners::unregister(const net::Request& head, const nlohmann::json& body) {
  auto* runner = authenticate(head, body);
  if (!runner) return message_reply(403);
  runner->removed = true;
  return empty_reply(204);
}

net::Response Runners::unregister_manager(const net::Request& head, const nlohmann::json& body) {
  auto* runner = authenticate(head, body);
  if (!runner) return message_reply(403);
  const auto system_id = string_member(body, "system_id");
  if (system_id.empty()) return message_reply(400, "system_id is missing");
  auto& known = runner->system_ids;
  const auto place = std::find(known.begin(), known.end(), system_id);
  if (place == known.end()) return message_reply(404, "runner manager");
  known.erase(place);
  return empty_reply(204);
}

net::Response Runners::reset_token(const nlohmann::json& body) {
  auto* runner = by_token(string_member(body, "token"));
  if (!runner) return message_reply(403);
  const auto& old = runner->token.reveal();
  const auto prefix = old.substr(0, old.find('-') + 1);
  runner->token = util::Secret{prefix + random_text(20)};
  return json_reply(201, {{"token", runner->token.reveal()}, {"token_expires_at", nullptr}});
}

std::int64_t Runners::add(util::Secret token, std::vector<std::string> tags, bool run_untagged) {
  RunnerRecord runner;
  runner.id = next_id_++;
  runner.token = token.empty() ? util::Secret{"glrt-t1_" + random_text(20)} : std::move(token);
  runner.tags = std::move(tags);
  runner.run_untagged = run_untagged;
  list_.push_back(std::move(runner));
  return list_.back().id;
}

RunnerRecord* Runners::authenticate(const net::Request& head, const nlohmann::json& body) {
  const auto token = string_member(body, "token");
  if (head.headers.get("RUNNER-TOKEN") != token) return nullptr;
  return by_token(token);
}

RunnerRecord* Runners::by_id(std::int64_t id) {
  for (auto& runner : list_)
    if (runner.id == id) return &runner;
  return nullptr;
}

RunnerRecord* Runners::by_token(std::string_view token) {
  for (auto& runner : list_)
    if (!runner.removed && same_secret(token, runner.token.reveal())) return &runner;
  return nullptr;
}

}  // namespace slipway::local
