// Caches: from one job to the next, whatever slot it runs in.

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/fakes/s3_server.hpp"
#include "tests/integration/fault_jobs.hpp"

namespace slipway::tests {
namespace {

using fakes::S3Server;
using local::JobBuilder;
using local::JobRecord;
using local::JobState;
using nlohmann::json;
using testing::AllOf;
using testing::Contains;
using testing::Each;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using namespace std::chrono_literals;

json cache(const char* key, const json& more = json::object()) {
  json entry{{"key", key}, {"paths", {"vendor/"}}, {"when", "on_success"}, {"policy", "pull-push"}};
  entry.update(more);
  return entry;
}

class CacheJobs : public FaultJobs {
 protected:
  static JobBuilder with(const json& caches) {
    JobBuilder job;
    job.image(image).field("cache", caches);
    return job;
  }
  /// Its log, after it has succeeded.
  std::string log_of_success(const JobBuilder& job) {
    const auto& record = run_job(job);
    EXPECT_EQ(record.state, JobState::success) << plain_text(record.trace);
    return plain_text(record.trace);
  }
  /// Saves `text` under the key.
  std::string save(const char* key, const std::string& text) {
    auto job = with(json::array({cache(key)}));
    job.script({"mkdir -p vendor && echo '" + text + "' > vendor/f"});
    return log_of_success(job);
  }
  /// A job that wants what was saved, and shows it.
  static JobBuilder reader(const json& caches, const std::string& more = "true") {
    auto job = with(caches);
    job.script({more, "cat vendor/f 2>/dev/null || echo nothing is there"});
    return job;
  }
};

TEST_F(CacheJobs, GoFromOneJobToThoseOfEverySlot) {
  config.concurrent = 3;
  const auto saved = save("main-1-non_protected", "what was saved");
  EXPECT_THAT(
      saved,
      AllOf(HasSubstr("Restoring cache\nChecking cache for "
                      "main-1-non_protected...\n"),
            HasSubstr("Cache file does not exist"), HasSubstr("WARNING: Failed to extract cache"),
            HasSubstr("Saving cache for successful job\nCreating cache "
                      "main-1-non_protected...\n"),
            HasSubstr("vendor/: found 2 matching artifact files and directories"),
            HasSubstr("Cache will be stored only locally."), HasSubstr("Created cache")));
  // Side by side, so that each has a slot of its own; the script cannot reach the store.
  std::vector<std::int64_t> ids;
  for (int i = 0; i < 3; ++i) {
    auto job = reader(json::array({cache("main-1-non_protected")}),
                      "echo slot $CI_CONCURRENT_PROJECT_ID; ls -A /cache $CI_PROJECT_DIR/vendor; "
                      "find /cache -name cache.zip; echo ready; sleep 3");
    ids.push_back(gitlab().enqueue(job));
  }
  for (const auto id : ids) run_until_text(id, "ready");
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const auto& job = run_until_finished(ids[i]);
    EXPECT_EQ(job.state, JobState::success);
    const auto log = plain_text(job.trace);
    EXPECT_THAT(log,
                AllOf(HasSubstr("Successfully extracted cache"), HasSubstr("what was saved"),
                      HasSubstr("\nslot " + std::to_string(i)), Not(HasSubstr("/cache.zip\n"))));
  }
}

TEST_F(CacheJobs, OfProtectedRefsAreNotThoseOfOthers) {
  const auto ref = [](JobBuilder job, bool is_protected) {
    auto payload = job.build();
    payload["git_info"]["protected"] = is_protected;
    return payload;
  };
  // A key that GitLab would not give to both: only the place keeps them apart.
  const auto caches = json::array({cache("same")});
  auto maker = with(caches);
  maker.script({"mkdir vendor; echo of a protected ref > vendor/f"});
  EXPECT_EQ(run_job(ref(maker, true)).state, JobState::success);
  const auto& other = run_job(ref(reader(caches), false));
  EXPECT_THAT(plain_text(other.trace), HasSubstr("nothing is there"));
  const auto& same = run_job(ref(reader(caches), true));
  EXPECT_THAT(plain_text(same.trace), HasSubstr("of a protected ref"));
}

TEST_F(CacheJobs, SavedByTwoJobsAtOnceAreWhole) {
  config.concurrent = 2;
  std::vector<std::int64_t> ids;
  for (const auto* name : {"one", "two"}) {
    auto job = with(json::array({cache("same")}));
    job.script({std::string{"mkdir vendor; echo ready; sleep 1; head -c 20000000 /dev/urandom > "
                            "vendor/big; echo "} +
                name + " > vendor/f; (cd vendor; sha1sum big f > sums)"});
    ids.push_back(gitlab().enqueue(job));
  }
  for (const auto id : ids) run_until_text(id, "ready");
  for (const auto id : ids) {
    const auto& job = run_until_finished(id);
    EXPECT_EQ(job.state, JobState::success);
    EXPECT_THAT(plain_text(job.trace), HasSubstr("Created cache"));
  }
  auto check = with(json::array({cache("same")}));
  check.script({"cd vendor; sha1sum -c sums"});
  EXPECT_THAT(log_of_success(check), AllOf(HasSubstr("big: OK"), HasSubstr("f: OK")));
}

TEST_F(CacheJobs, Case54PoliciesAndWhen) {
  save("k", "first");
  // Pulled only: what the job makes of it stays with the job.
  auto pull = with(json::array({cache("k", {{"policy", "pull"}})}));
  pull.script({"cat vendor/f; echo changed > vendor/f"});
  EXPECT_THAT(log_of_success(pull),
              AllOf(HasSubstr("\nfirst\n"), HasSubstr("Not uploading cache k due to policy"),
                    Not(HasSubstr("Creating cache"))));
  const auto push = json::array({cache("k", {{"policy", "push"}})});
  EXPECT_THAT(log_of_success(reader(push)),
              AllOf(HasSubstr("Not downloading cache k due to policy"),
                    HasSubstr("nothing is there"), HasSubstr("WARNING: No files to cache.")));
  EXPECT_THAT(log_of_success(reader(json::array({cache("k")}))), HasSubstr("\nfirst\n"));

  const auto after_failure = json::array(
      {cache("broken", {{"when", "on_failure"}}), cache("whole", {{"when", "on_success"}})});
  auto failing = with(after_failure);
  failing.script({"mkdir vendor; echo debris > vendor/f; exit 3"});
  const auto& failed = run_job(failing);
  EXPECT_EQ(failed.exit_code, 3);
  EXPECT_THAT(plain_text(failed.trace),
              AllOf(HasSubstr("Saving cache for failed job\nCreating cache broken..."),
                    Not(HasSubstr("Creating cache whole"))));
  EXPECT_THAT(log_of_success(reader(json::array({cache("broken")}))), HasSubstr("\ndebris\n"));
}

TEST_F(CacheJobs, FallbackKeysAreTriedInTurn) {
  save("default-branch", "of the default branch");
  auto job = reader(json::array(
      {cache("../new$SUFFIX", {{"fallback_keys", {"also-$SUFFIX", "default-branch"}}})}));
  job.variable("SUFFIX", "-1");
  const auto log = log_of_success(job);
  EXPECT_THAT(log, AllOf(HasSubstr("WARNING: cache key \"../new-1\" sanitized to \"new-1\""),
                         HasSubstr("Checking cache for new-1..."),
                         HasSubstr("Checking cache for also--1..."),
                         HasSubstr("Checking cache for default-branch..."),
                         HasSubstr("of the default branch"), HasSubstr("Creating cache new-1...")));
  auto forbidden = reader(json::array({cache("never saved")}));
  forbidden.variable("CACHE_FALLBACK_KEY", "x-protected");
  EXPECT_THAT(
      log_of_success(forbidden),
      AllOf(HasSubstr("CACHE_FALLBACK_KEY \"x-protected\" not allowed to end in \"-protected\""),
            HasSubstr("nothing is there")));
}

TEST_F(CacheJobs, SeveralAndUntrackedOnesOfARepository) {
  const auto sha = make_repository({{"tracked", "t\n"}});
  const auto caches = json::array({cache("paths"), {{"key", "u"}, {"untracked", true}}});
  auto maker = with(caches);
  maker.git("demo/project", "main", sha)
      .script({"mkdir vendor; echo v > vendor/f; echo loose > loose"});
  EXPECT_THAT(log_of_success(maker),
              AllOf(HasSubstr("Creating cache paths..."), HasSubstr("Creating cache u..."),
                    HasSubstr("untracked: found 2 files")));
  auto user = with(caches);
  user.git("demo/project", "main", sha).script({"cat vendor/f loose tracked"});
  EXPECT_THAT(log_of_success(user), HasSubstr("v\nloose\nt\n"));
}

TEST_F(CacheJobs, Case12AnUnknownPolicyFailsTheJobAndNothingElseDoes) {
  auto odd = with(json::array({cache("k", {{"policy", "sometimes"}})}));
  odd.script({"echo never"}).after_script({"echo never"});
  const auto& job = run_job(odd);
  EXPECT_EQ(job.failure_reason, "runner_system_failure");
  EXPECT_THAT(plain_text(job.trace), AllOf(HasSubstr("unknown cache policy sometimes for k"),
                                           Not(HasSubstr("never")), Not(HasSubstr("Restoring"))));
  // The directory of the project is gone when the cache is to be saved.
  auto without = with(json::array({cache("k")}));
  without.script(
      {"mkdir vendor; echo 1 > vendor/f; cd /; find $CI_PROJECT_DIR -mindepth 1 -delete"});
  EXPECT_THAT(log_of_success(without), HasSubstr("WARNING: No files to cache."));
}

TEST_F(CacheJobs, AMountOfTheAdministratorsHoldsThemAsDocumented) {
  const auto host = scratch() / "caches";
  std::filesystem::create_directories(host);
  docker().volumes = {host.string() + ":/cache"};
  save("k", "on the host");
  const auto file = host / "demo/project/k/cache.zip";
  EXPECT_TRUE(std::filesystem::exists(file)) << file;
  EXPECT_THAT(log_of_success(reader(json::array({cache("k")}))), HasSubstr("on the host"));
}

class RemoteCacheJobs : public CacheJobs {
 protected:
  void SetUp() override {
    CacheJobs::SetUp();
    server_.emplace(coordinator_address());
    auto& cache = config.runners.front().cache;
    cache.type = "s3";
    cache.path = "prefix";
    cache.s3.server_address = server_->host();
    cache.s3.insecure = true;
    cache.s3.access_key = S3Server::access_key;
    cache.s3.secret_key = util::Secret{S3Server::secret_key};
    cache.s3.bucket_name = S3Server::bucket;
  }
  S3Server& server() { return *server_; }

 private:
  std::optional<S3Server> server_;
};

TEST_F(RemoteCacheJobs, GoThroughAServerThatChecksSignatures) {
  const auto saved = save("a key", "from afar");
  EXPECT_THAT(saved, AllOf(HasSubstr("Using presigned URL for cache download"),
                           HasSubstr("file does not exist"),
                           HasSubstr("Uploading cache.zip to http://" + server().host() +
                                     "/caches/prefix/runner/"),
                           HasSubstr("Created cache"), Not(HasSubstr("X-Amz-"))));
  let_jobs_settle();
  remove_reusable_volumes();
  auto job = reader(json::array({cache("a key")}), "env");
  const auto log = log_of_success(job);
  EXPECT_THAT(log, AllOf(HasSubstr("Downloading cache from http://"), HasSubstr("from afar"),
                         HasSubstr("Successfully extracted cache")));
  for (const auto* secret : {S3Server::secret_key, S3Server::access_key})
    EXPECT_THAT(saved + log, Not(HasSubstr(secret)));
  EXPECT_THAT(
      server().requests(),
      AllOf(Contains(AllOf(StartsWith("PUT 200 /caches/prefix/"), HasSubstr("/a%20key "))),
            Contains(StartsWith("GET 200 /caches/prefix/")), Each(Not(HasSubstr(" 403 ")))));
}

TEST_F(RemoteCacheJobs, WithAWrongKeyTheServerRefusesAndTheJobGoesOn) {
  config.runners.front().cache.s3.secret_key = util::Secret{"wrong"};
  const auto log = save("k", "kept here alone");
  EXPECT_THAT(log, AllOf(HasSubstr("received: 403"), HasSubstr("SignatureDoesNotMatch"),
                         HasSubstr("WARNING: Failed to extract cache"),
                         HasSubstr("WARNING: Failed to create cache"), HasSubstr("Job succeeded")));
  EXPECT_THAT(server().requests(), Each(HasSubstr(" 403 ")));
}

TEST_F(RemoteCacheJobs, WhatCannotBeSignedIsSaidAndStaysLocal) {
  config.runners.front().cache.s3.bucket_name = "";
  const auto log = save("k", "kept here");
  EXPECT_THAT(log,
              AllOf(HasSubstr("WARNING: Failed to obtain environment for cache k: BucketName can't "
                              "be empty"),
                    HasSubstr("WARNING: Unable to generate cache upload environment: BucketName "
                              "can't be empty"),
                    HasSubstr("Created cache")));
  EXPECT_THAT(log_of_success(reader(json::array({cache("k")}))), HasSubstr("kept here"));
}

TEST_F(RemoteCacheJobs, EncryptionAndHashedKeysAreSigned) {
  auto& s3 = config.runners.front().cache.s3;
  s3.server_side_encryption = "KMS";
  s3.server_side_encryption_key_id = "arn:aws:kms:eu-west-1:1:key/2";
  config.runners.front().feature_flags["FF_HASH_CACHE_KEYS"] = true;
  save("k", "hashed");
  stop_service();
  remove_reusable_volumes();
  // From now on by its own name: what was saved under its hash is found all the same.
  config.runners.front().feature_flags.clear();
  EXPECT_THAT(log_of_success(reader(json::array({cache("k")}))), HasSubstr("hashed"));
  EXPECT_THAT(server().requests(), Each(Not(HasSubstr(" 403 "))));
}

}  // namespace
}  // namespace slipway::tests
