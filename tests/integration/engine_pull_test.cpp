// Fault 24: the registry refuses, lacks, breaks off or garbles what a job pulls, or has no room for
// it. The registry is the test's own; the Engine has it among its insecure ones. A full disk below
// the whole Engine is in small_disk_test.cpp.

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/integration/fault_jobs.hpp"
#include "tests/integration/test_registry.hpp"

namespace slipway::tests {
namespace {

using local::JobBuilder;
using local::JobRecord;
using local::JobState;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;
using Behaviour = TestRegistry::Behaviour;

constexpr auto retrying = "retrying: ";

class EnginePull : public PrivateJobs {
 protected:
  void SetUp() override {
    PrivateJobs::SetUp();
    registry_ = std::make_unique<TestRegistry>(io().get_executor());
  }

  void TearDown() override {
    if (!state_id_.empty()) let_jobs_settle();
    if (serving_) {
      serving_->cancel();
      pump_until([this] { return serving_->running() == 0; }, "the registry to end");
    }
    serving_.reset();
    registry_.reset();
    if (pulled_) shell(fmt::format("docker --host {} rmi {} || true", engine().host(), name_));
    PrivateJobs::TearDown();
  }

  TestRegistry& registry() { return *registry_; }

  /// A registry with the one image `name_`.
  void serve(Behaviour behaviour, std::uint16_t port = 0) {
    registry_->add("team/app", root_of_image(), behaviour);
    open(port);
  }
  void open(std::uint16_t port) {
    const auto address = registry_->listen(engine().gateway(), port);
    serving_ = std::make_unique<util::TaskGroup>(io().get_executor());
    serving_->start(registry_->run());
    name_ = address + "/team/app:1";
  }

  /// A port on which nobody listens.
  std::uint16_t free_port() {
    TestRegistry closed{io().get_executor()};
    const auto address = closed.listen(engine().gateway());
    return static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
  }

  JobBuilder job() const { return JobBuilder{}.image(name_).script({"echo hello from it"}); }
  /// A job with the image `name_` fails for this reason, says why, and the next job works.
  void expect_failure(const std::string& reason, const std::string& why, bool tried_again) {
    const auto& record = run_job(job(), 90s);
    EXPECT_EQ(record.state, JobState::failed);
    EXPECT_EQ(record.failure_reason, reason);
    const auto log = plain_text(record.trace);
    EXPECT_THAT(log,
                AllOf(HasSubstr(fmt::format("Pulling docker image {} ...", name_)), HasSubstr(why),
                      HasSubstr(fmt::format("failed to pull image \"{}\" with specified policies "
                                            "[if-not-present]: ",
                                            name_)),
                      Not(HasSubstr("hello from it\n"))));
    EXPECT_THAT(log, tried_again ? testing::Matcher<std::string>(HasSubstr(retrying))
                                 : testing::Matcher<std::string>(Not(HasSubstr(retrying))));
    // The same image would fail the same way in a new try of the whole preparation.
    EXPECT_THAT(log, Not(HasSubstr("Preparation failed")));
    expect_the_next_job_to_work();
  }
  void expect_success(const JobRecord& record) {
    EXPECT_EQ(record.state, JobState::success) << plain_text(record.trace);
    EXPECT_THAT(plain_text(record.trace), HasSubstr("hello from it\n"));
    pulled_ = true;
  }

  std::string name_;
  bool pulled_ = false;

 private:
  std::unique_ptr<TestRegistry> registry_;
  std::unique_ptr<util::TaskGroup> serving_;
};

TEST_F(EnginePull, Fault24_E17_ARefusedConnectionIsTriedThreeTimesAndThenTheReason) {
  name_ = fmt::format("{}:{}/team/app:1", engine().gateway(), free_port());
  const auto began = std::chrono::steady_clock::now();
  expect_failure("runner_external_dependency_failure", "connection refused", true);
  EXPECT_GE(std::chrono::steady_clock::now() - began, 4s) << "two pauses";
}

TEST_F(EnginePull, Fault24_ARegistryThatComesBackBetweenTheTriesIsEnough) {
  const auto port = free_port();
  name_ = fmt::format("{}:{}/team/app:1", engine().gateway(), port);
  // Before: the tries do not wait.
  registry().add("team/app", root_of_image(), Behaviour::serve);
  const auto id = gitlab().enqueue(job());
  run_until_text(id, retrying);
  EXPECT_THAT(log_of(id), HasSubstr("(attempt #1), retrying: "));
  open(port);
  expect_success(run_until_finished(id));
}

TEST_F(EnginePull, Fault24_NoAccessIsAConfigurationErrorAtOnce) {
  serve(Behaviour::unauthorized);
  expect_failure("runner_configuration_error", "unauthorized", false);
}

TEST_F(EnginePull, Fault24_E17_AnUnknownManifestIsAConfigurationErrorAtOnce) {
  serve(Behaviour::absent);
  expect_failure("runner_configuration_error", "manifest unknown", false);
}

TEST_F(EnginePull, Fault24_AnUnknownRepositoryIsAPullFailureAtOnce) {
  serve(Behaviour::serve);
  name_ = name_.substr(0, name_.find('/')) + "/team/other:1";
  expect_failure("image_pull_failure", "name unknown", false);
}

TEST_F(EnginePull, Fault24_AnotherDigestIsAPullFailureAtOnce) {
  serve(Behaviour::mismatch);
  expect_failure("image_pull_failure", "verification failed", false);
  EXPECT_EQ(registry().layer_requests(), 1);
}

TEST_F(EnginePull, Fault24_ALayerThatBreaksOffOnceIsFetchedAgain) {
  serve(Behaviour::drop_once);
  expect_success(run_job(job(), 90s));
  EXPECT_EQ(registry().layer_requests(), 2);
}

TEST_F(EnginePull, Fault24_ALayerThatAlwaysBreaksOffIsAPullFailure) {
  PrivateEngine::Options options;
  options.more = {"--max-download-attempts", "1"};
  restart_with(options);
  serve(Behaviour::drop);
  expect_failure("image_pull_failure", "unexpected EOF", false);
  EXPECT_EQ(registry().layer_requests(), 2) << "dockerd's own try and its repetition";
}

TEST_F(EnginePull, Fault24_ASlowLayerIsWaitedFor) {
  serve(Behaviour::slow);
  const auto began = std::chrono::steady_clock::now();
  expect_success(run_job(job()));
  EXPECT_GE(std::chrono::steady_clock::now() - began, 2s);
}

TEST_F(EnginePull, WhatAJobPulledIsTheCollectorsAndWhatWasThereIsNot) {
  serve(Behaviour::serve);
  expect_success(run_job(job()));
  EXPECT_EQ(run_job(JobBuilder{}.image(image).script({"true"})).state, JobState::success);
  const auto usage = nlohmann::json::parse(std::ifstream{scratch() / "state" / "usage"});
  std::vector<std::string> names;
  for (const auto& [id, known] : usage.at("engines").begin()->at("images").items())
    for (const auto& name : known.at("names")) names.push_back(name.get<std::string>());
  EXPECT_THAT(names, testing::Contains(name_));
  EXPECT_THAT(names, Not(testing::Contains(HasSubstr("busybox"))));
}

TEST_F(EnginePull, Fault24_E12_APullThatStopsCanBeCancelled) {
  serve(Behaviour::stall);
  const auto id = gitlab().enqueue(job());
  start_service();
  pump_until([this] { return registry().holding(); }, "the pull to be under way");
  gitlab().cancel(id, true);
  const auto& record = run_until_finished(id);
  EXPECT_EQ(record.state, JobState::canceled) << plain_text(record.trace);
  EXPECT_THAT(plain_text(record.trace),
              AllOf(HasSubstr("Job failed: canceled"), Not(HasSubstr("Failed to pull")),
                    Not(HasSubstr(retrying))));
  registry().release();
  expect_the_next_job_to_work();
}

TEST_F(EnginePull, Fault24_NoRoomForALayerIsSaidWithWhatToDo) {
  PrivateEngine::Options options;
  options.data_mib = 64;
  options.more = {"--max-download-attempts", "1"};
  restart_with(options);
  engine().need_image(image);
  serve(Behaviour::stall);
  const auto id = gitlab().enqueue(job());
  start_service();
  pump_until([this] { return registry().holding(); }, "the pull to be under way");
  const auto filler = engine().data_root() + "/filler";
  shell(fmt::format("dd if=/dev/zero of='{}' bs=4k || true", filler));
  registry().release();
  const auto& record = run_until_finished(id);
  EXPECT_EQ(record.failure_reason, "runner_system_failure");
  EXPECT_THAT(plain_text(record.trace),
              AllOf(HasSubstr("the disk of the Docker Engine is full"),
                    HasSubstr("no space left on device"), HasSubstr("slipway gc")));
  std::filesystem::remove(filler);
  expect_the_next_job_to_work();
}

}  // namespace
}  // namespace slipway::tests
