#include <gmock/gmock.h>

#include "plan_support.hpp"

namespace slipway::executors::docker {
namespace {

using ::testing::ElementsAreArray;
using Words = std::vector<std::string>;

struct PolicyCase {
  Words job;
  Words configured;
  Words allowed;
  Words want;
};

TEST(PullPolicies, WantedOnesThatAreAllowed) {
  const PolicyCase cases[] = {
      {{}, {}, {}, {"always"}},
      {{}, {"if-not-present"}, {}, {"if-not-present"}},
      {{}, {"always", "if-not-present"}, {}, {"always", "if-not-present"}},
      {{"never"}, {}, {"never", "always"}, {"never"}},
      {{"always"}, {"always", "never"}, {}, {"always"}},
      {{"never", "always", "always"}, {}, {"always"}, {"always", "always"}},
      {{}, {"always", "always"}, {}, {"always", "always"}},
      {{}, {"never", "if-not-present"}, {"if-not-present"}, {"if-not-present"}},
  };
  for (const auto& c : cases) {
    config::Docker docker;
    docker.pull_policy = c.configured;
    docker.allowed_pull_policies = c.allowed;
    EXPECT_THAT(effective_pull_policies("alpine", c.job, docker), ElementsAreArray(c.want));
  }
}

struct PolicyRefusal {
  Words job;
  Words configured;
  Words allowed;
  std::string want;
};

TEST(PullPolicies, E16_RefusalsNameTheSource) {
  const std::string begin = "invalid pull policy for image \"alpine\": pull_policy (";
  const PolicyRefusal cases[] = {
      {{"never"},
       {},
       {},
       begin + "[never]) defined in GitLab pipeline config is not one of the "
               "allowed_pull_policies ([always])"},
      {{"never", "if-not-present"},
       {"always"},
       {},
       begin + "[never if-not-present]) defined in GitLab pipeline config is not one of the "
               "allowed_pull_policies ([always])"},
      {{},
       {"always"},
       {"never", "if-not-present"},
       begin + "[always]) defined in Runner config is not one of the allowed_pull_policies "
               "([never if-not-present])"},
      {{},
       {},
       {"never"},
       begin + "[always]) defined in Runner config (default) is not one of the "
               "allowed_pull_policies ([never])"},
      {{"sometimes"}, {}, {}, "unsupported pull_policy config: \"sometimes\""},
      {{}, {"Always"}, {}, "unsupported pull_policy config: \"Always\""},
      {{}, {}, {"always", "maybe"}, "unsupported allowed_pull_policies config: \"maybe\""},
  };
  for (const auto& c : cases) {
    config::Docker docker;
    docker.pull_policy = c.configured;
    docker.allowed_pull_policies = c.allowed;
    try {
      effective_pull_policies("alpine", c.job, docker);
      ADD_FAILURE() << "not refused: " << c.want;
    } catch (const job::Failure& failure) {
      EXPECT_EQ(failure.what(), c.want);
      EXPECT_EQ(failure.reason(), c.want.starts_with("unsupported")
                                      ? job::FailureReason::runner_system_failure
                                      : job::FailureReason::runner_configuration_error);
    }
  }
}

TEST(PullPolicies, TheJobsHoldForItsImageAlone) {
  const json changes{
      {"image", {{"name", "ruby:3"}, {"pull_policy", {"never"}}}},
      {"services",
       {{{"name", "redis"}}, {{"name", "mysql"}, {"pull_policy", {"if-not-present"}}}}}};
  const std::string all =
      "allowed_pull_policies = [\"always\", \"if-not-present\", \"never\"]\nhelper_image = \"h:1\"";
  const auto plan = plan_of(changes, all);
  EXPECT_EQ(plan.image.policies, Words{"never"});
  EXPECT_EQ(plan.services[0].image.policies, Words{"always"});
  EXPECT_EQ(plan.services[1].image.policies, Words{"if-not-present"});
  EXPECT_EQ(plan.helper_image->policies, Words{"always"});
  // An image of the configuration does not follow the job's policy.
  const json unnamed{{"image", {{"name", ""}, {"pull_policy", {"never"}}}}};
  EXPECT_EQ(plan_of(unnamed, all + "\nimage = \"ruby:3\"").image.policies, Words{"always"});
}

}  // namespace
}  // namespace slipway::executors::docker
