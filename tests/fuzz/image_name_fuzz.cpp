#include "executors/docker/image_name.hpp"
#include "tests/fuzz/input.hpp"

/// Image references and the patterns of allow-lists.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipway;
  using namespace executors::docker;
  fuzz::Input input{data, size};
  const auto pattern = input.text();
  const auto text = input.rest();
  matches_pattern(pattern, text);
  split_aliases(text);
  const auto image = parse_image_name(text);
  if (!image) return 0;
  const auto again = parse_image_name(image->with_default_tag());
  fuzz::require(again.has_value(), "a reference with its tag is a reference");
  fuzz::require(again->repository == image->repository, "the repository stays what it is");
  fuzz::require(again->digest == image->digest, "the digest stays what it is");
  fuzz::require(!image->qualified_repository().empty(), "a reference has a repository");
  fuzz::require(!service_name(*image).aliases.empty(), "a service has a name to be reached by");
  is_dind_image(*image);
  return 0;
}
