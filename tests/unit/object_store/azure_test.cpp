#include "object_store/azure.hpp"

#include <gmock/gmock.h>

// The signatures are those of azure-storage-blob 12.31 (generate_blob_sas, version 2021-12-02).
namespace slipway::object_store {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::Pair;

constexpr auto object = "runner/abc/project/7/key";
const Validity validity{std::chrono::sys_days{2026y / 3 / 4} + 5h + 6min + 7s, 1h};

AzureContainer container() {
  AzureContainer container;
  container.name = "caches";
  container.account = "account";
  container.account_key = util::Secret{"YW4gYWNjb3VudCBrZXkgb2YgdGhpcnR5LXR3byBiLi4="};
  return container;
}

TEST(Azure, SignsAsMicrosoftsOwnLibraryDoes) {
  const auto get = azure_get(container(), object, validity);
  EXPECT_EQ(get.url,
            "https://account.blob.core.windows.net/caches/runner/abc/project/7/key?"
            "se=2026-03-04T06%3A06%3A07Z&sig=4zFGnWa7vvZbtRkQupERsw3ZDhuGwRMBB8VWSINMz%2FQ%3D&"
            "sp=r&spr=https&sr=b&sv=2021-12-02");
  EXPECT_THAT(get.headers, ElementsAre());
  EXPECT_EQ(azure_head(container(), object, validity).url, get.url);
  EXPECT_EQ(azure_get(container(), "a b/\xC3\xBC+%&?#'", validity).url,
            "https://account.blob.core.windows.net/caches/a%20b/%C3%BC%2B%25%26%3F%23%27?"
            "se=2026-03-04T06%3A06%3A07Z&sig=Xe7TxF4CqAt08Yy09rkDbPJeRYApmY5uLhyaf%2F%2FkPGw%3D&"
            "sp=r&spr=https&sr=b&sv=2021-12-02");
  const auto put = azure_put(container(), object, validity, {{"cachekey", "k"}});
  EXPECT_EQ(put.url,
            "https://account.blob.core.windows.net/caches/runner/abc/project/7/key?"
            "se=2026-03-04T06%3A06%3A07Z&sig=%2F1x2yIFp4HwVCgX1IeVhtMhLqIE4Y7WzbayIKqESebw%3D&"
            "sp=cw&spr=https&sr=b&sv=2021-12-02");
  EXPECT_THAT(put.headers,
              ElementsAre(Pair("x-ms-blob-type", "BlockBlob"), Pair("x-ms-meta-cachekey", "k")));
}

TEST(Azure, OtherClouds) {
  auto other = container();
  other.storage_domain = "blob.core.chinacloudapi.cn";
  EXPECT_EQ(azure_get(other, "o", validity).url.substr(0, 53),
            "https://account.blob.core.chinacloudapi.cn/caches/o?s");
}

TEST(Azure, NamesWhatIsMissing) {
  const auto problem = [](const AzureContainer& where) {
    try {
      azure_get(where, object, validity);
      return std::string{};
    } catch (const StoreError& error) {
      return std::string{error.what()};
    }
  };
  auto unnamed = container();
  unnamed.name = "";
  EXPECT_EQ(problem(unnamed), "ContainerName can't be empty");
  auto nobody = container();
  nobody.account = "";
  EXPECT_EQ(problem(nobody), "AccountName can't be empty");
  auto keyless = container();
  keyless.account_key = util::Secret{"no base64!"};
  EXPECT_EQ(problem(keyless), "AccountKey is not in base64");
}

}  // namespace
}  // namespace slipway::object_store
