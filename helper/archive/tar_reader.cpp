#include "helper/archive/tar_reader.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <deque>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "helper/archive/archive_error.hpp"
#include "helper/archive/ordered_work.hpp"
#include "helper/archive/pack_options.hpp"
#include "helper/archive/places.hpp"
#include "helper/archive/tar_stream.hpp"
#include "helper/archive/target_file.hpp"

namespace slipway::helper::archive {
namespace {

// A file goes to the disk in pieces of this size, of which so many wait at a time.
constexpr std::size_t write_size = 512 << 10;
constexpr std::size_t window = 24;

Metadata metadata_of(const TarEntry& entry) {
  return {entry.mode & 0777, entry.mtime, entry.uid, entry.gid};
}

std::uint64_t size_of(int fd) {
  struct stat status {};
  if (fstat(fd, &status) != 0) throw std::system_error{errno, std::generic_category(), "tar.zst"};
  return static_cast<std::uint64_t>(status.st_size);
}

// A file with the directory it is in, which has to stay open as long.
struct Target {
  Target(Places& places, const std::string& path, Places::Place where, const TarEntry& entry,
         const std::function<void(TargetFile::Identity)>& before)
      : place{std::move(where)}, file{places.project(),   path,  place.directory->get(), place.name,
                                      metadata_of(entry), before} {}
  Places::Place place;
  TargetFile file;
};

class Extractor {
 public:
  Extractor(int fd, const Root& project, const ExtractOptions& options)
      : limits_{options.limits},
        stream_{fd},
        places_{project, "tar.zst", options.limits.depth},
        allowance_{"tar.zst", options.limits, size_of(fd)},
        work_{thread_count(options.threads), window} {}

  Extracted extract() {
    try {
      while (const auto entry = stream_.next()) extract(*entry);
    } catch (...) {
      // What came before is extracted; if that fails, it was the first to fail.
      work_.finish();
      throw;
    }
    work_.finish();
    for (const auto& link : links_) make(link);
    places_.restore_directories();
    return extracted_;
  }

 private:
  struct Link {
    std::string path;
    TarEntry entry;
  };

  void extract(const TarEntry& entry) {
    if (++extracted_.entries > limits_.entries)
      throw ArchiveError{"tar.zst: more entries than the limit of " +
                         std::to_string(limits_.entries)};
    const auto path = places_.path_of(entry.name);
    // The oldest archives tell directories only by their names.
    const bool is_file = entry.is(TarKind::file) || entry.kind == '\0' || entry.kind == '7';
    if (entry.is(TarKind::directory) || (is_file && entry.name.ends_with('/'))) {
      remember(path.size());
      places_.add_directory(path, metadata_of(entry));
    } else if (is_file) {
      extract_file(entry, path);
    } else if (entry.is(TarKind::link)) {
      check_target(entry);
      remember(path.size() + entry.name.size() + entry.target.size());
      links_.push_back({path, entry});
    } else if (entry.is(TarKind::hard_link)) {
      extract_hard_link(entry, path);
    } else if (entry.kind == 'S') {
      places_.fail(entry.name, "it is a sparse file of GNU tar, unsupported");
    } else {
      places_.fail(entry.name, "it is neither file, directory nor link");
    }
  }

  void remember(std::size_t bytes) {
    remembered_ += bytes + sizeof(Link);
    if (remembered_ > limits_.remembered)
      throw ArchiveError{"tar.zst: too many links and directories"};
  }

  void check_target(const TarEntry& entry) const {
    if (entry.target.empty() || entry.target.size() >= PATH_MAX ||
        entry.target.find('\0') != std::string::npos)
      places_.fail(entry.name, "not a link's target");
  }

  void extract_file(const TarEntry& entry, const std::string& path) {
    if (entry.size > limits_.size - std::min(limits_.size, extracted_.size))
      throw ArchiveError{"tar.zst: the files are larger than the limit of " +
                         std::to_string(limits_.size) + " bytes"};
    extracted_.size += entry.size;
    const auto target =
        std::make_shared<Target>(places_, path, places_.place_of(entry.name, path), entry,
                                 [this](TargetFile::Identity identity) { wait_for(identity); });
    const auto identity = target->file.identity();
    std::uint64_t at = 0;
    do {
      const auto size =
          static_cast<std::size_t>(std::min<std::uint64_t>(write_size, entry.size - at));
      const auto bytes = std::make_shared<const Bytes>(make_bytes(size));
      stream_.read(bytes->data.get(), size);
      push(target, bytes, at, at + size == entry.size);
      at += size;
    } while (at < entry.size);
    note_in_work(identity);
  }

  void push(const std::shared_ptr<Target>& target, const std::shared_ptr<const Bytes>& bytes,
            std::uint64_t at, bool last) {
    ++pushed_;
    const bool only = last && at == 0;
    work_.push(
        [this, target, bytes, at, only] {
          allowance_.take(target->file.write_at(at, bytes->view()));
          if (only) target->file.finish(bytes->size);
          return true;
        },
        [target, last, only, size = at + bytes->size](bool) {
          if (last && !only) target->file.finish(size);
        });
  }

  // A file that comes twice, under whatever name, is written twice, one after the other.
  void wait_for(TargetFile::Identity identity) {
    for (const auto& [other, last] : in_work_)
      if (other == identity) return work_.finish();
  }
  void note_in_work(TargetFile::Identity identity) {
    while (!in_work_.empty() && pushed_ - in_work_.front().second >= window) in_work_.pop_front();
    in_work_.emplace_back(identity, pushed_);
  }

  void extract_hard_link(const TarEntry& entry, const std::string& path) {
    check_target(entry);
    work_.finish();
    const auto existing_path = places_.path_of(entry.target);
    const auto existing = places_.place_of(entry.name, existing_path);
    struct stat status {};
    if (fstatat(existing.directory->get(), existing.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) !=
            0 ||
        !S_ISREG(status.st_mode))
      places_.fail(entry.name, "a hard link to what is no file: " + entry.target);
    if (existing_path == path) return;
    const auto place = places_.place_of(entry.name, path);
    const auto full = places_.project().full(path);
    remove_existing(place.directory->get(), place.name, full);
    if (linkat(existing.directory->get(), existing.name.c_str(), place.directory->get(),
               place.name.c_str(), 0) != 0)
      throw std::system_error{errno, std::generic_category(), full};
  }

  void make(const Link& link) {
    // Not the directory that is kept: the last link may have changed what is there.
    places_.forget();
    const auto place = places_.place_of(link.entry.name, link.path);
    const auto full = places_.project().full(link.path);
    struct stat status {};
    if (fstatat(place.directory->get(), place.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0)
      throw ArchiveError{"symlink " + link.entry.target + " " + full + ": file exists"};
    make_link(place.directory->get(), place.name, link.entry.target, metadata_of(link.entry), full);
  }

  const ExtractLimits& limits_;
  TarStream stream_;
  Places places_;
  Allowance allowance_;
  Extracted extracted_;
  std::vector<Link> links_;
  std::uint64_t remembered_ = 0;
  // What was written lately, with the number of its last piece.
  std::deque<std::pair<TargetFile::Identity, std::uint64_t>> in_work_;
  std::uint64_t pushed_ = 0;
  // Last: its threads end before what they use.
  OrderedWork<bool> work_;
};

}  // namespace

Extracted extract_tar_zstd(int fd, const Root& project, const ExtractOptions& options) {
  return Extractor{fd, project, options}.extract();
}

}  // namespace slipway::helper::archive
