#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "job/git_stage.hpp"
#include "tests/bench/figures.hpp"
#include "tests/bench/process.hpp"

namespace slipway::bench {

namespace {

namespace fs = std::filesystem;

constexpr double goal = 1.2;
constexpr int files = 500;
constexpr int commits = 30;

/// The commands that bring a work tree to a commit, with nothing around them.
constexpr auto first_time = R"(
git -c init.defaultBranch=none init -q "$1" && cd "$1" && git remote add origin "$2" &&
git fetch -q origin --no-recurse-submodules '+refs/heads/main:refs/remotes/origin/main' \
  --depth 20 --prune &&
git -c submodule.recurse=false checkout -f -q "$3" && git clean -q -ffdx)";
constexpr auto next_time = R"(
cd "$1" && git remote set-url origin "$2" &&
git fetch -q origin --no-recurse-submodules '+refs/heads/main:refs/remotes/origin/main' \
  --depth 20 --prune &&
git -c submodule.recurse=false checkout -f -q "$3" && git clean -q -ffdx)";

/// A repository of some size and history, and two places that are brought to its commits.
class Bench {
 public:
  explicit Bench(Lab& lab) : lab_{lab}, root_{lab.scratch() / "sources"} {
    fs::remove_all(root_);
    fs::create_directories(root_ / "home");
    ::setenv("HOME", (root_ / "home").c_str(), 1);
    in_seed(
        "git -c init.defaultBranch=main init -q . && git config user.email b@example.com && "
        "git config user.name bench");
    for (int i = 0; i < files; ++i) {
      const auto directory = root_ / "seed" / fmt::format("d{}", i % 20);
      fs::create_directories(directory);
      std::ofstream{directory / fmt::format("f{}", i)} << std::string(4000, 'x') << i << '\n';
    }
    for (int i = 0; i < commits; ++i) commit();
  }
  ~Bench() { fs::remove_all(root_); }

  void run() {
    for (int i = 0; i < lab_.options().runs; ++i) {
      const auto sha = commit();
      measured_[0].bare.add(bare(first_time, sha, true));
      measured_[0].stage.add(stage(sha, true));
      const auto next = commit();
      measured_[1].bare.add(bare(next_time, next, false));
      measured_[1].stage.add(stage(next, false));
    }
    add_row("git fetch into nothing", measured_[0]);
    add_row("git fetch of one more commit", measured_[1]);
  }

 private:
  struct Measured {
    Samples bare;
    Samples stage;
  };

  void in_seed(const std::string& commands) {
    fs::create_directories(root_ / "seed");
    time_program({"/bin/sh", "-c", "cd \"$0\" && " + commands, (root_ / "seed").string()});
  }

  std::string commit() {
    std::ofstream{root_ / "seed/changing"} << ++changes_ << '\n';
    in_seed("git add -A && git commit -q -m x && git rev-parse HEAD > ../sha");
    std::string sha;
    std::ifstream{root_ / "sha"} >> sha;
    return sha;
  }

  std::string url() const { return "file://" + (root_ / "seed").string(); }

  void check(const fs::path& tree) const {
    std::string text;
    std::ifstream{tree / "changing"} >> text;
    if (text != std::to_string(changes_))
      throw WrongResult{fmt::format("{} is not at its commit", tree.string())};
  }

  double bare(const char* commands, const std::string& sha, bool afresh) const {
    const auto tree = root_ / "bare";
    if (afresh) fs::remove_all(tree);
    const auto took = time_program(
        {"/bin/sh", "-c", std::string{"set -e;"} + commands, "sh", tree.string(), url(), sha});
    check(tree);
    return took;
  }

  double stage(const std::string& sha, bool afresh) const {
    const auto tree = root_ / "builds/project";
    if (afresh) fs::remove_all(root_ / "builds");
    job::GetSourcesParameters parameters;
    parameters.remote_url = url();
    parameters.project_dir = tree.string();
    parameters.temp_dir = tree.string() + ".tmp";
    parameters.ref = "main";
    parameters.sha = sha;
    parameters.object_format = "sha1";
    parameters.refspecs = {"+refs/heads/main:refs/remotes/origin/main"};
    parameters.depth = 20;
    parameters.user_agent = "slipway bench";
    std::ofstream{root_ / "parameters"} << nlohmann::json(parameters).dump();
    const auto took = time_program({"/bin/sh", "-c", R"(exec "$0" stage get_sources < "$1")",
                                    (lab_.options().programs / "slipway-helper").string(),
                                    (root_ / "parameters").string()});
    check(tree);
    return took;
  }

  void add_row(const char* figure, const Measured& measured) {
    const auto ratio = measured.stage.median() / measured.bare.median();
    Row row{.figure = figure, .goal = fmt::format("<= {} x bare git commands", goal)};
    row.measured = measured.stage;
    row.unit = "ms";
    row.ratio = ratio_text(ratio);
    row.verdict = judge(ratio <= goal);
    row.remark = fmt::format("bare: {:.1f} [{:.1f}-{:.1f}] ms; {} files", measured.bare.median(),
                             measured.bare.min(), measured.bare.max(), files);
    lab_.table().add(std::move(row));
  }

  Lab& lab_;
  fs::path root_;
  int changes_ = 0;
  Measured measured_[2];
};

}  // namespace

asio::awaitable<void> measure_sources(Lab& lab) {
  Bench{lab}.run();
  co_return;
}

}  // namespace slipway::bench
