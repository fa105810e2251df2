#include <fmt/format.h>
#include <unistd.h>

#include <fstream>

#include "tests/bench/archive_tree.hpp"
#include "tests/bench/figures.hpp"
#include "tests/bench/process.hpp"
#include "util/async.hpp"

namespace slipway::bench {

namespace {

namespace fs = std::filesystem;

constexpr double zip_goal = 2;
constexpr double tar_goal = 1.5;
constexpr double memory_goal = 64;  // MiB

/// One format, ours and that of the programs it is measured against.
struct Format {
  const char* name;
  const char* step;    ///< of archive_step that packs
  const char* other;   ///< for the table
  const char* pack;    ///< shell: makes $1 of the current directory
  const char* unpack;  ///< shell: extracts $1 into the current directory
  double pack_goal;
  double unpack_goal;  ///< 0: none
};

constexpr Format formats[] = {
    {"zip", "pack-zip", "zip -1, unzip", "zip -1 -q -r \"$1\" .", "unzip -q \"$1\"", zip_goal,
     zip_goal},
    {"tar.zst", "pack-tar", "tar | zstd -3 -T1", "tar -cf - . | zstd -3 -T1 -q -o \"$1\"",
     "zstd -dcq \"$1\" | tar -xf -", tar_goal, 0},
};

struct Measured {
  Samples pack;
  Samples unpack;
  std::uintmax_t size = 0;
};

class Bench {
 public:
  explicit Bench(Lab& lab) : lab_{lab}, tree_{lab.scratch() / "tree"} {
    make_tree(tree_, lab.options().archive_files,
              std::uint64_t{1} * static_cast<std::uint64_t>(lab.options().archive_mib) << 20);
  }
  ~Bench() {
    fs::remove_all(tree_);
    fs::remove_all(target_);
  }

  void run(const Format& format) {
    Measured ours;
    Measured others;
    for (int i = 0; i < lab_.options().archive_runs; ++i) {
      take(
          format, others,
          [&](const fs::path& archive) { return shell(format.pack, tree_, archive); },
          [&](const fs::path& archive) { return shell(format.unpack, target_, archive); });
      take(
          format, ours, [&](const fs::path& archive) { return step(format.step, tree_, archive); },
          [&](const fs::path& archive) { return step("unpack", target_, archive); });
    }
    add_row(format, "packed", ours.pack, others.pack, format.pack_goal);
    add_row(format, "unpacked", ours.unpack, others.unpack, format.unpack_goal);
    add_size(format, ours.size, others.size);
  }

  void add_memory() {
    Row row{.figure = "archives: memory of the helper", .goal = "<= 64 MiB"};
    row.measured = {peak_};
    row.unit = "MiB";
    row.verdict = judge(peak_ <= memory_goal);
    lab_.table().add(std::move(row));
  }

 private:
  // What the one before has left to be written to the disk would slow down the next.
  template <class Pack, class Unpack>
  void take(const Format& format, Measured& measured, Pack pack, Unpack unpack) {
    // zip adds to a name what it lacks.
    const auto archive = lab_.scratch() / fmt::format("archive.{}", format.name);
    fs::remove(archive);
    fs::remove_all(target_);
    fs::create_directory(target_);
    ::sync();
    measured.pack.add(pack(archive));
    measured.size = fs::file_size(archive);
    ::sync();
    measured.unpack.add(unpack(archive));
    expect_same_tree(tree_, target_);
  }

  static double shell(const char* command, const fs::path& directory, const fs::path& archive) {
    return time_program({"/bin/bash", "-o", "pipefail", "-c",
                         fmt::format("cd \"$0\" && set -- \"$1\" && {{ {}; }}", command),
                         directory.string(), archive.string()});
  }

  double step(const char* what, const fs::path& directory, const fs::path& archive) {
    const auto peak = lab_.scratch() / "peak";
    const auto took = time_program({fs::read_symlink("/proc/self/exe").string(), "archive-step",
                                    what, directory.string(), archive.string(), peak.string()});
    std::ifstream in{peak};
    double kib = 0;
    in >> kib;
    peak_ = std::max(peak_, kib / 1024);
    return took;
  }

  void add_row(const Format& format, const char* what, const Samples& ours, const Samples& others,
               double goal) {
    const auto ratio = others.median() / ours.median();
    Row row{.figure = fmt::format("{} {}", format.name, what)};
    row.goal = goal > 0 ? fmt::format(">= {} x {}", goal, format.other) : "-";
    row.measured = ours;
    row.unit = "ms";
    row.ratio = ratio_text(ratio);
    if (goal > 0) row.verdict = judge(ratio >= goal);
    row.remark = fmt::format("{}: {:.0f} [{:.0f}-{:.0f}] ms; {} MiB in {} files", format.other,
                             others.median(), others.min(), others.max(),
                             lab_.options().archive_mib, lab_.options().archive_files);
    lab_.table().add(std::move(row));
  }

  void add_size(const Format& format, std::uintmax_t ours, std::uintmax_t others) {
    Row row{.figure = fmt::format("{} size", format.name)};
    row.goal = fmt::format("no larger than {}", format.other);
    row.measured = {static_cast<double>(ours) / (1 << 20)};
    row.unit = "MiB";
    row.ratio = fmt::format("{:.4f}", static_cast<double>(ours) / static_cast<double>(others));
    row.verdict = judge(ours <= others);
    lab_.table().add(std::move(row));
  }

  Lab& lab_;
  fs::path tree_;
  fs::path target_ = lab_.scratch() / "target";
  double peak_ = 0;
};

}  // namespace

asio::awaitable<void> measure_archives(Lab& lab) {
  Bench bench{lab};
  for (const auto& format : formats) bench.run(format);
  bench.add_memory();
  co_return;
}

}  // namespace slipway::bench
