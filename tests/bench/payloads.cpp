#include "tests/bench/payloads.hpp"

#include "tests/bench/lab.hpp"

namespace slipway::bench {

local::JobBuilder trivial_job() {
  local::JobBuilder job;
  job.name("trivial").image(small_image).script({"echo hello"});
  return job;
}

local::JobBuilder git_job(const std::string& sha) {
  local::JobBuilder job;
  job.name("sources").image(small_image).git(Lab::project, "main", sha);
  job.script({"cat changing.txt"});
  return job;
}

namespace {

local::JobBuilder dind_job_with(const char* certificates) {
  local::JobBuilder job;
  job.name("dind").image(cli_image).service(dind_image, "docker");
  job.variable("DOCKER_TLS_CERTDIR", certificates);
  job.script({std::string{"echo "} + first_line,
              "docker info --format 'engine={{.OperatingSystem}} containers={{.Containers}}'"});
  return job;
}

}  // namespace

local::JobBuilder dind_job() {
  return dind_job_with("/certs");
}

local::JobBuilder plain_dind_job() {
  return dind_job_with("");
}

}  // namespace slipway::bench
