#pragma once

#include <string>
#include <vector>

#include "executors/docker/collector_run.hpp"
#include "executors/docker/collector_usage.hpp"
#include "tests/integration/engine_test.hpp"

namespace slipway::tests {

executors::docker::Usage::Time system_now();

/// A tar archive with one file, `file`.
std::string archive_of(const std::string& content);
/// Makes the image `<repository>:1`, unlike any other, and returns its id.
asio::awaitable<std::string> import_image(docker_api::Client& engine, std::string repository);
/// Path of the socket that DOCKER_HOST names.
std::string engine_socket();
/// Gives `image` the name `<repository>:1`, too. Blocking.
void tag_image(const std::string& image, const std::string& repository);
/// The names of volumes with the tests' label.
asio::awaitable<std::vector<std::string>> test_volumes(docker_api::Client& engine);
/// The names that begin with `slipway-test-`.
asio::awaitable<std::vector<std::string>> test_images(docker_api::Client& engine);

/// On the Engine of all tests, things that slipway's jobs left beside things of others: five
/// volumes and three images are ours, of which one each is used by a container, one volume was used
/// a while ago, and one image has got a name from somebody else. The rest, four objects, may go.
class DiskCollector : public EngineTest {
 public:
  /// Checks what is left when all that may go is gone.
  static asio::awaitable<void> expect_only_ours_gone(docker_api::Client& engine);
  executors::docker::Collector::Settings settings();

  std::string state = "0123456789abcdef";
  std::string engine_id;
  executors::docker::Usage usage;

 protected:
  void SetUp() override;
  void TearDown() override;

 private:
  static asio::awaitable<void> make_volumes(docker_api::Client& engine, DiskCollector& self);
  static asio::awaitable<void> make_images(docker_api::Client& engine, DiskCollector& self);
};

}  // namespace slipway::tests
