#include <map>
#include <nlohmann/json.hpp>

#include "local/ci/error.hpp"
#include "local/ci/payload.hpp"
#include "local/ci/views.hpp"
#include "tests/fuzz/input.hpp"

namespace {

using namespace slipway::local::ci;

class Files : public FileSource {
 public:
  explicit Files(std::string text) { files_[".gitlab-ci.yml"] = std::move(text); }
  std::optional<std::string> read(const Origin&, const std::string& path) override {
    const auto found = files_.find(path);
    if (found == files_.end()) return std::nullopt;
    return found->second;
  }
  const std::vector<std::string>& list(const Origin&) override { return list_; }

 private:
  std::map<std::string, std::string> files_{
      {"a.yml", "include: b.yml\na: {script: x}"},
      {"b.yml", "spec: {inputs: {n: {default: d}}}\n---\nb-$[[ inputs.n ]]: {script: x}"}};
  std::vector<std::string> list_{"a.yml", "b.yml", "src/x.c"};
};

}  // namespace

/// Configurations: any text gives a pipeline whose every view can be made, or a ConfigError.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace fuzz = slipway::fuzz;
  Files files{std::string{reinterpret_cast<const char*>(data), size}};
  History history;
  try {
    const auto pipeline = compile(files, history, {});
    const auto list = list_json(pipeline);
    fuzz::require(list["jobs"].size() == pipeline.jobs.size(), "every job is in the list");
    for (const auto& job : pipeline.jobs) {
      fuzz::require(make_payload(pipeline, job).contains("steps"), "a payload has steps");
      fuzz::require(!explain(pipeline, job.name).empty(), "every job is explained");
    }
    graph_dot(pipeline);
    graph_text(pipeline);
    preview(pipeline);
  } catch (const ConfigError& error) {
    fuzz::require(!error.message().empty() && !error.file().empty(),
                  "an error says what and where");
  }
  return 0;
}
