#include <gmock/gmock.h>

#include <algorithm>

#include "executors/docker/dind.hpp"
#include "executors/docker/labels.hpp"
#include "plan_support.hpp"

namespace slipway::executors::docker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

json variable(const char* key, const char* value) {
  return {{"key", key}, {"value", value}, {"public", true}};
}

json dind(const char* image = "docker:24.0.5-dind") {
  return {{"services", {{{"name", image}}}}};
}

const VolumePlan& volume_at(const Plan& plan, const std::string& destination) {
  const auto found =
      std::find_if(plan.volumes.begin(), plan.volumes.end(),
                   [&](const auto& volume) { return volume.destination == destination; });
  if (found == plan.volumes.end()) throw std::runtime_error{"no volume at " + destination};
  return *found;
}

const docker_api::Mount& mount_at(const docker_api::ContainerSpec& container,
                                  const std::string& target) {
  const auto found = std::find_if(container.mounts.begin(), container.mounts.end(),
                                  [&](const auto& mount) { return mount.target == target; });
  if (found == container.mounts.end()) throw std::runtime_error{"no mount at " + target};
  return *found;
}

struct IsolationCase {
  const char* what;
  json changes;
  const char* docker;
  const char* destination;
  bool isolated;
};

TEST(IsolateCerts, TakesEntriesWithoutASource) {
  const json elsewhere{{"services", {{{"name", "docker:dind"}}}},
                       {"+variables", {variable("DOCKER_TLS_CERTDIR", "/tls")}}};
  const json own{
      {"services",
       {{{"name", "docker:dind"}, {"variables", {variable("DOCKER_TLS_CERTDIR", "/own")}}}}}};
  const IsolationCase cases[] = {
      {"documented", dind(), "volumes = [\"/certs/client\", \"/cache\"]", "/certs/client", true},
      {"others stay", dind(), "volumes = [\"/certs/client\", \"/cache\"]", "/cache", false},
      {"a parent", dind(), "volumes = [\"/certs\"]", "/certs", true},
      {"a part of the name", dind(), "volumes = [\"/certs/client2\"]", "/certs/client2", false},
      {"the authority's key", dind(), "volumes = [\"/certs/ca\"]", "/certs/ca", true},
      {"the server's key", dind(), "volumes = [\"/certs/server\"]", "/certs/server", true},
      {"below it", dind(), "volumes = [\"/certs/client/x\"]", "/certs/client/x", false},
      {"not clean", dind(), "volumes = [\"/certs//client/\"]", "/certs//client/", true},
      {"no dind", dind("docker:24.0.5"), "volumes = [\"/certs/client\"]", "/certs/client", false},
      {"the job's directory", elsewhere, "volumes = [\"/tls/client\"]", "/tls/client", true},
      {"instead of the usual one", elsewhere, "volumes = [\"/certs\"]", "/certs", false},
      {"the service's directory", own, "volumes = [\"/own\"]", "/own", true},
      {"an image that is listed", dind("acme/engine:1"),
       "volumes = [\"/certs\"]\n[runners.docker.dind]\nimages = [\"acme/*:*\"]", "/certs", true},
      {"off", dind(), "volumes = [\"/certs\"]\n[runners.docker.dind]\nisolate_certs = false",
       "/certs", false},
      {"temporary already", dind(), "disable_cache = true\nvolumes = [\"/certs\"]", "/certs", true},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    const auto plan = plan_of(c.changes, c.docker);
    const auto& volume = volume_at(plan, c.destination);
    EXPECT_EQ(volume.reusable, !c.isolated);
    EXPECT_EQ(volume.name.starts_with(plan.prefix), c.isolated) << volume.name;
    for (const auto* container : {&plan.build, &plan.helper, &plan.services.at(0).container}) {
      const auto& mount = mount_at(*container, c.destination);
      EXPECT_EQ(mount.source, volume.name);
      EXPECT_EQ(mount.labels.at(volume_label), c.isolated ? volume_of_job : volume_of_cache);
      EXPECT_EQ(mount.labels.at(reusable_label), c.isolated ? "false" : "true");
      EXPECT_EQ(mount.labels.contains(job_label), c.isolated);
    }
  }
}

TEST(IsolateCerts, AnnouncesItselfOnce) {
  const auto plan = plan_of(dind(), "volumes = [\"/certs/client\", \"/cache\"]");
  EXPECT_THAT(plan.notices, ElementsAre(HasSubstr("/certs/client is a volume of this job alone "
                                                  "(isolate_certs)")));
  EXPECT_THAT(plan_of(dind(), "volumes = [\"/cache\"]").notices, IsEmpty());
  EXPECT_THAT(plan_of(dind(), "disable_cache = true\nvolumes = [\"/certs\"]").notices, IsEmpty());
}

TEST(IsolateCerts, TakesDirectoriesOfTheCacheDirectoryToo) {
  const auto plan =
      plan_of(dind(), "cache_dir = \"/srv/cache\"\nvolumes = [\"/certs/client\", \"/x\"]");
  EXPECT_TRUE(volume_at(plan, "/certs/client").name.starts_with(plan.prefix));
  for (const auto* container : {&plan.build, &plan.helper, &plan.services.at(0).container}) {
    EXPECT_EQ(mount_at(*container, "/certs/client").labels.at(volume_label), volume_of_job);
    EXPECT_THAT(container->binds, Not(testing::Contains(HasSubstr("/certs"))));
    EXPECT_THAT(container->binds, testing::Contains(testing::EndsWith(":/x")));
    EXPECT_THAT(sourced_binds(plan, *container), IsEmpty());
  }
}

TEST(IsolateCerts, KeepsTheVolumeDriver) {
  for (const auto* where : {"", "cache_dir = \"/srv/cache\"\n"}) {
    SCOPED_TRACE(where);
    const auto plan = plan_of(dind(), std::string{where} +
                                          "volumes = [\"/certs/client\"]\nvolume_driver = "
                                          "\"local\"\n[runners.docker.volume_driver_ops]\ntype = "
                                          "\"tmpfs\"");
    for (const auto* container : {&plan.build, &plan.helper, &plan.services.at(0).container}) {
      const auto& mount = mount_at(*container, "/certs/client");
      EXPECT_EQ(mount.driver, "local");
      EXPECT_EQ(mount.driver_options.at("type"), "tmpfs");
    }
  }
}

TEST(IsolateCerts, MayComeLateAndAgain) {
  auto plan = plan_of(dind(), "volumes = [\"/certs/client\", \"/odd\"]");
  EXPECT_THAT(isolate_certs(plan, "/certs"), IsEmpty());
  EXPECT_THAT(isolate_certs(plan, ""), IsEmpty());
  EXPECT_THAT(isolate_certs(plan, "/odd"), ElementsAre("/odd"));
  EXPECT_EQ(mount_at(plan.build, "/odd").source, volume_at(plan, "/odd").name);
  EXPECT_THAT(isolate_certs(plan, "/odd"), IsEmpty());
}

std::vector<std::string> warnings(const char* docker, bool side_by_side) {
  auto with = context();
  with.side_by_side = side_by_side;
  return make_plan(job_of(payload(dind())), runner_of(docker), with).warnings;
}

TEST(IsolateCerts, WarnsOfWhatTheAdministratorShares) {
  const auto* shared = "volumes = [\"/srv/certs:/certs/client\"]";
  EXPECT_THAT(warnings(shared, true), ElementsAre(HasSubstr("\"/srv/certs:/certs/client\"")));
  EXPECT_THAT(warnings(shared, false), IsEmpty());
  for (const std::string options : {"ro", "RO", "Ro", "ro,z", "RO:Z", "rO,rshared"})
    EXPECT_THAT(warnings(("volumes = [\"certs:/certs:" + options + "\"]").c_str(), true), IsEmpty())
        << options;
  for (const std::string options : {"rw", "RW,z", "z", "rslave", "O"})
    EXPECT_THAT(warnings(("volumes = [\"ro:/certs:" + options + "\"]").c_str(), true),
                ElementsAre(HasSubstr("\"/certs\"")))
        << options;
  EXPECT_THAT(warnings("volumes = [\"certs:/elsewhere\"]", true), IsEmpty());
  EXPECT_THAT(
      warnings("volumes = [\"c:/certs\"]\n[runners.docker.dind]\nisolate_certs = false", true),
      IsEmpty());
}

Plan layers(const char* mode, const PlanContext& with = context(), const json& changes = dind()) {
  const auto docker = std::string{"[runners.docker.dind]\nlayer_cache = \""} + mode + "\"";
  return make_plan(job_of(payload(changes)), runner_of(docker), with);
}

std::string kept_volume(const Plan& plan, std::size_t service = 0) {
  return plan.services.at(service).layers.at(0).source;
}

TEST(LayerCache, IsAVolumeWithTheJobsOwnInIt) {
  EXPECT_THAT(layers("off").services.at(0).layers, IsEmpty());
  const auto plan = layers("slot");
  const auto& mounts = plan.services.at(0).layers;
  ASSERT_EQ(mounts.size(), 6u);
  EXPECT_EQ(mounts[0].target, "/var/lib/docker");
  EXPECT_EQ(mounts[0].labels.at(volume_label), volume_of_layers);
  EXPECT_EQ(mounts[0].labels.at(reusable_label), "true");
  EXPECT_EQ(mounts[0].labels.at(state_label), context().state_id);
  EXPECT_FALSE(mounts[0].labels.contains(job_label));
  std::vector<std::string> covered;
  for (std::size_t i = 1; i < mounts.size(); ++i) {
    covered.push_back(mounts[i].target);
    EXPECT_THAT(mounts[i].source, StartsWith(plan.prefix));
    EXPECT_EQ(mounts[i].labels.at(volume_label), volume_of_job);
    EXPECT_EQ(mounts[i].labels.at(job_label), context().job_key);
  }
  EXPECT_THAT(covered, ElementsAre("/var/lib/docker/containers", "/var/lib/docker/volumes",
                                   "/var/lib/docker/network", "/var/lib/docker/swarm",
                                   "/var/lib/docker/plugins"));
}

TEST(LayerCache, LabelsDoNotNameWhatItOutlives) {
  const auto by_slot = layers("slot");
  for (const auto& [key, value] : by_slot.services.at(0).layers.at(0).labels)
    EXPECT_THAT(
        key, Not(testing::AnyOf(HasSubstr(".job."), HasSubstr("pipeline"), HasSubstr("project"))));
  const auto by_project = layers("project");
  const auto& labels = by_project.services.at(0).layers.at(0).labels;
  EXPECT_EQ(labels.at("com.gitlab.gitlab-runner.project.id"), "1234");
}

TEST(LayerCache, IsKeptBySlotProjectImageAndProtectedness) {
  auto other_slot = context();
  other_slot.slot = 7;
  auto other_project_slot = context();
  other_project_slot.project_slot = 7;
  auto other_state = context();
  other_state.state_id = "ff";
  auto again = context();
  again.random = "fedcba9876543210";
  json other_project = dind();
  other_project["job_info"] = payload()["job_info"];
  other_project["job_info"]["project_id"] = 99;
  json is_protected = dind();
  is_protected["git_info"] = payload()["git_info"];
  is_protected["git_info"]["protected"] = true;
  const auto slot = kept_volume(layers("slot"));
  EXPECT_THAT(slot, testing::MatchesRegex("runner-[0-9a-f]{32}-layers-[0-9a-f]{32}"));
  EXPECT_EQ(kept_volume(layers("slot", again)), slot);
  EXPECT_EQ(kept_volume(layers("slot", other_project_slot)), slot);
  EXPECT_EQ(kept_volume(layers("slot", context(), other_project)), slot);
  EXPECT_NE(kept_volume(layers("slot", other_slot)), slot);
  EXPECT_NE(kept_volume(layers("slot", other_state)), slot);
  EXPECT_NE(kept_volume(layers("slot", context(), dind("docker:25-dind"))), slot);
  EXPECT_EQ(kept_volume(layers("slot", context(), is_protected)), slot + "-protected");

  const auto project = kept_volume(layers("project"));
  EXPECT_NE(project, slot);
  EXPECT_EQ(kept_volume(layers("project", other_slot)), project);
  EXPECT_NE(kept_volume(layers("project", other_project_slot)), project);
  EXPECT_NE(kept_volume(layers("project", context(), other_project)), project);
  EXPECT_EQ(kept_volume(layers("project", context(), is_protected)), project + "-protected");
}

TEST(LayerCache, TwoServicesOfAJobHaveTwo) {
  const json two{
      {"services",
       {{{"name", "docker:24.0.5-dind"}}, {{"name", "docker:24.0.5-dind"}, {"alias", "second"}}}}};
  const auto plan = layers("slot", context(), two);
  ASSERT_EQ(plan.services.size(), 2u);
  EXPECT_NE(kept_volume(plan, 0), kept_volume(plan, 1));
  EXPECT_NE(plan.services[0].layers[1].source, plan.services[1].layers[1].source);
  EXPECT_EQ(kept_volume(plan, 0), kept_volume(layers("slot")));
}

TEST(DindPlan, IsTheDocumentedOneWithEverythingOff) {
  const auto* off =
      "volumes = [\"/certs/client\"]\n[runners.docker.dind]\nreadiness = false\n"
      "isolate_certs = false\nmint_certs = false\nplain_tls_flag = false\nmtu = false\ndns = false";
  const auto plan = plan_of(dind(), off);
  const auto other = plan_of(dind("docker:24.0.5"), off);
  EXPECT_THAT(plan.notices, IsEmpty());
  EXPECT_EQ(volume_at(plan, "/certs/client").name, volume_at(other, "/certs/client").name);
  docker_api::ImageDetails image;
  image.entrypoint = {"dockerd-entrypoint.sh"};
  DindHost host;
  host.local = true;
  host.uplink_mtu = 1400;
  host.resolvers = {"10.0.0.1"};
  for (const char* dir : {"/certs", ""}) {
    image.env = {std::string{"DOCKER_TLS_CERTDIR="} + dir};
    const auto decision = decide_dind(plan, plan.services.at(0), image, host);
    EXPECT_FALSE(decision.mint);
    EXPECT_FALSE(decision.keep_layers);
    EXPECT_THAT(decision.flags, IsEmpty());
    EXPECT_THAT(decision.notices, IsEmpty());
    EXPECT_THAT(decision.warnings, IsEmpty());
  }
}

}  // namespace
}  // namespace slipway::executors::docker
