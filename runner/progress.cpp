#include "runner/progress.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "runner/failure_reason.hpp"
#include "util/async.hpp"

namespace slipway::runner {

namespace {
using std::chrono::milliseconds;

constexpr const char* kinds[] = {"success", "failure", "timeout"};

Outcome::Kind kind_from(const std::string& name) {
  for (std::size_t i = 0; i < std::size(kinds); ++i)
    if (name == kinds[i]) return static_cast<Outcome::Kind>(i);
  return Outcome::Kind::failure;
}

nlohmann::json to_json(const Outcome& outcome) {
  nlohmann::json json{{"kind", kinds[static_cast<std::size_t>(outcome.kind)]}};
  if (outcome.kind != Outcome::Kind::failure) return json;
  json["reason"] = job::to_string(outcome.reason);
  json["text"] = outcome.text;
  if (outcome.exit_code) json["exit_code"] = *outcome.exit_code;
  return json;
}

Outcome outcome_from(const nlohmann::json& json) {
  Outcome outcome;
  outcome.kind = kind_from(json.at("kind").get<std::string>());
  if (outcome.kind != Outcome::Kind::failure) return outcome;
  outcome.reason = job::failure_reason_from(json.at("reason").get<std::string>());
  outcome.text = json.at("text").get<std::string>();
  if (json.contains("exit_code")) outcome.exit_code = json.at("exit_code").get<std::int32_t>();
  return outcome;
}
}  // namespace

Outcome Outcome::of(const std::exception_ptr& failure) {
  Outcome outcome;
  if (!failure) return outcome;
  try {
    std::rethrow_exception(failure);
  } catch (const util::TimeoutError&) {
    outcome.kind = Kind::timeout;
    return outcome;
  } catch (const job::Failure& error) {
    outcome.exit_code = error.exit_code();
  } catch (const std::exception&) {
    // classify() knows them
  }
  const auto known = classify(failure);
  outcome.kind = Kind::failure;
  outcome.reason = known.reason;
  outcome.text = known.text;
  return outcome;
}

void Outcome::rethrow() const {
  if (kind == Kind::timeout) throw util::TimeoutError{milliseconds{0}};
  if (kind == Kind::failure) throw job::Failure{reason, text, exit_code};
}

bool Progress::knows_any(const std::vector<std::string>& names) const {
  return std::any_of(names.begin(), names.end(), [this](const auto& name) { return knows(name); });
}

void Progress::begin(std::string name) {
  section = std::move(name);
  stage_under_way = false;
}

void Progress::end(Outcome outcome) {
  done[section] = std::move(outcome);
  section.clear();
  stage_under_way = false;
}

nlohmann::json to_json(const Progress& progress) {
  nlohmann::json done = nlohmann::json::object();
  for (const auto& [name, outcome] : progress.done) done[name] = to_json(outcome);
  return {{"done", std::move(done)},
          {"section", progress.section},
          {"stages", progress.stages},
          {"stage_under_way", progress.stage_under_way},
          {"stage_began", progress.stage_began.count()},
          {"sources_began", progress.sources_began.count()},
          {"script_began", progress.script_began.count()},
          {"script_cancelled", progress.script_cancelled}};
}

Progress progress_from(const nlohmann::json& json) {
  Progress progress;
  for (const auto& [name, outcome] : json.at("done").items())
    progress.done[name] = outcome_from(outcome);
  progress.section = json.at("section").get<std::string>();
  progress.stages = json.at("stages").get<int>();
  progress.stage_under_way = json.at("stage_under_way").get<bool>();
  progress.stage_began = milliseconds{json.at("stage_began").get<std::int64_t>()};
  progress.sources_began = milliseconds{json.value("sources_began", std::int64_t{0})};
  progress.script_began = milliseconds{json.at("script_began").get<std::int64_t>()};
  progress.script_cancelled = json.at("script_cancelled").get<bool>();
  return progress;
}

}  // namespace slipway::runner
