#include "local/exec/snapshot.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace slipway::local::exec {

namespace {

namespace fs = std::filesystem;

constexpr auto variables_file = ".slipway-variables";
constexpr int kept_pipelines = 20;
constexpr auto nobody = "slipway <slipway@localhost>";

/// A name for the repository's directory that its path alone decides.
std::string name_of_path(const fs::path& root) {
  const auto text = root.string();
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr);
  std::string name = root.filename().string() + "-";
  for (std::size_t at = 0; at < 6; ++at) name += fmt::format("{:02x}", digest[at]);
  return name;
}

void write_file(const fs::path& path, const std::string& text) {
  const auto fresh = path.string() + ".new";
  {
    std::ofstream file{fresh, std::ios::binary | std::ios::trunc};
    file << text;
    file.flush();
    if (!file) throw std::runtime_error{"cannot write " + path.string()};
  }
  fs::rename(fresh, path);
}

std::string read_file(const fs::path& path) {
  std::ifstream file{path, std::ios::binary};
  std::ostringstream text;
  text << file.rdbuf();
  return std::move(text).str();
}

/// Held by one process at a time; others wait.
class Lock {
 public:
  explicit Lock(const fs::path& path)
      : file_{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)} {
    if (file_ < 0)
      throw std::runtime_error{
          fmt::format("cannot open {}: {}", path.string(), std::strerror(errno))};
    while (::flock(file_, LOCK_EX) != 0 && errno == EINTR) {
    }
  }
  Lock(const Lock&) = delete;
  ~Lock() { ::close(file_); }

 private:
  int file_;
};

/// What tells one state of a file from another: size, time, inode.
std::string stamp_of(const fs::path& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return "none\n";
  return fmt::format("{} {}.{:09} {}\n", info.st_size, info.st_mtim.tv_sec, info.st_mtim.tv_nsec,
                     info.st_ino);
}

/// The person and time of git's `Name <mail>` and ISO date, for a commit's environment.
void add_person(Environment& environment, const std::string& role, const std::string& person,
                const std::string& date) {
  const auto& whole = person.find('<') == std::string::npos ? std::string{nobody} : person;
  const auto at = whole.rfind('<');
  auto name = whole.substr(0, at);
  while (name.ends_with(' ')) name.pop_back();
  environment.push_back("GIT_" + role + "_NAME=" + (name.empty() ? "slipway" : name));
  environment.push_back("GIT_" + role +
                        "_EMAIL=" + whole.substr(at + 1, whole.rfind('>') - at - 1));
  environment.push_back("GIT_" + role + "_DATE=" + (date.empty() ? "2000-01-01T00:00:00Z" : date));
}

}  // namespace

SnapshotStore::SnapshotStore(const WorkTree& tree, const fs::path& state_dir)
    : tree_{tree}, directory_{state_dir / "repositories" / name_of_path(tree.root())} {
  std::error_code error;
  fs::create_directories(directory_, error);
  if (error)
    throw std::runtime_error{
        fmt::format("cannot make {}: {}", directory_.string(), error.message())};
  fs::permissions(directory_, fs::perms::owner_all, error);
  const Lock lock{directory_ / "lock"};
  make_bare();
}

/// By hand: `git init` would take templates and a default branch from the user's configuration.
void SnapshotStore::make_bare() const {
  const auto bare_dir = bare();
  fs::create_directories(bare_dir / "objects" / "info");
  fs::create_directories(bare_dir / "refs" / "heads");
  const bool sha256 = tree_.object_format() != "sha1";
  write_file(
      bare_dir / "config",
      fmt::format("[core]\n\trepositoryformatversion = {}\n\tbare = true\n{}", sha256 ? 1 : 0,
                  sha256 ? "[extensions]\n\tobjectformat = " + tree_.object_format() + "\n"
                         : std::string{}));
  write_file(bare_dir / "objects" / "info" / "alternates", tree_.objects().string() + "\n");
  if (!fs::exists(bare_dir / "HEAD")) write_file(bare_dir / "HEAD", "ref: refs/heads/main\n");
}

std::int64_t SnapshotStore::next_pipeline() {
  const Lock lock{directory_ / "lock"};
  std::int64_t last = 0;
  std::istringstream{read_file(directory_ / "pipeline")} >> last;
  write_file(directory_ / "pipeline", fmt::format("{}\n", last + 1));
  return last + 1;
}

/// Our index begins as a copy of the real one, which knows what is tracked and has the times of
/// what was looked at. Copied again only when the real one has changed, else ours knows more.
void SnapshotStore::refresh_index() const {
  const auto own = directory_ / "index";
  const auto stamp = stamp_of(tree_.index()) + tree_.head() + "\n";
  fs::remove(directory_ / "index.lock");  // of a run that was killed: it would hold our own lock
  if (fs::exists(own) && read_file(directory_ / "index.stamp") == stamp) return;
  fs::remove(own);
  struct stat before {};
  if (::stat(tree_.index().c_str(), &before) != 0) {
    write_file(directory_ / "index.stamp", stamp);
    return;
  }
  fs::copy_file(tree_.index(), own);
  // git takes entries that are as young as their index for possibly stale: the copy must not look
  // younger than the original is.
  const std::array<timespec, 2> times{before.st_atim, before.st_mtim};
  if (::utimensat(AT_FDCWD, own.c_str(), times.data(), 0) != 0)
    throw std::runtime_error{"cannot set the time of " + own.string()};
  write_file(directory_ / "index.stamp", stamp);
}

Environment SnapshotStore::environment() const {
  return {"GIT_DIR=" + tree_.git_dir().string(), "GIT_WORK_TREE=" + tree_.root().string(),
          "GIT_INDEX_FILE=" + (directory_ / "index").string(),
          "GIT_OBJECT_DIRECTORY=" + (bare() / "objects").string(),
          // The settings that would write beside the index, or ask a daemon for what has changed.
          "GIT_CONFIG_COUNT=4", "GIT_CONFIG_KEY_0=core.splitIndex", "GIT_CONFIG_VALUE_0=false",
          "GIT_CONFIG_KEY_1=core.fsmonitor", "GIT_CONFIG_VALUE_1=false",
          "GIT_CONFIG_KEY_2=commit.gpgSign", "GIT_CONFIG_VALUE_2=false",
          "GIT_CONFIG_KEY_3=advice.addEmbeddedRepo", "GIT_CONFIG_VALUE_3=false"};
}

std::string SnapshotStore::commit_work_tree() {
  const Lock lock{directory_ / "lock"};
  refresh_index();
  const auto git = tree_.git();
  auto environment = this->environment();
  git.run({"add", "--all", "--", ".", std::string{":(top,exclude)"} + variables_file}, environment);
  const auto tree = git.run({"write-tree"}, environment);
  const auto facts = tree_.facts();
  std::vector<std::string> commit{"commit-tree", tree};
  if (tree_.has_commits()) {
    if (git.ask({"rev-parse", "--verify", "--quiet", "HEAD^{tree}"}) == tree) return tree_.head();
    commit.insert(commit.end(), {"-p", tree_.head()});
  }
  commit.insert(commit.end(),
                {"-m", facts.commit_message.empty() ? "Work tree" : facts.commit_message});
  add_person(environment, "AUTHOR", facts.commit_author, facts.commit_timestamp);
  add_person(environment, "COMMITTER", facts.commit_author, facts.commit_timestamp);
  return git.run(std::move(commit), environment);
}

void SnapshotStore::publish(const ci::RepositoryFacts& facts) {
  const Lock lock{directory_ / "lock"};
  const auto bare_dir = bare();
  const auto own = (facts.is_tag ? "refs/tags/" : "refs/heads/") + facts.ref;
  std::string packed = "# pack-refs with: peeled fully-peeled sorted \n";
  // Sorted by name, as git wants them.
  bool written = false;
  const auto add_own = [&] {
    packed += facts.sha + " " + own + "\n";
    written = true;
  };
  std::istringstream refs{
      tree_.git()
          .ask({"for-each-ref", "--sort=refname",
                "--format=%(objectname) %(refname) %(*objectname)", "refs/heads", "refs/tags"})
          .value_or("")};
  for (std::string line; std::getline(refs, line);) {
    std::istringstream fields{line};
    std::string id;
    std::string name;
    std::string peeled;
    fields >> id >> name >> peeled;
    if (!written && name >= own) add_own();
    if (name == own) continue;
    packed += id + " " + name + "\n";
    if (!peeled.empty()) packed += "^" + peeled + "\n";
  }
  if (!written) add_own();
  write_file(bare_dir / "packed-refs", packed);
  write_file(bare_dir / "HEAD", facts.is_tag ? facts.sha + "\n" : "ref: " + own + "\n");
  const auto pipelines = bare_dir / "refs" / "pipelines";
  fs::create_directories(pipelines);
  write_file(pipelines / std::to_string(facts.pipeline_id), facts.sha + "\n");
  std::error_code ignored;
  fs::remove(pipelines / std::to_string(facts.pipeline_id - kept_pipelines), ignored);
  fs::remove(bare_dir / "shallow", ignored);
  if (tree_.shallow()) {
    const auto shallow =
        tree_.git().run({"rev-parse", "--path-format=absolute", "--git-path", "shallow"});
    fs::copy_file(shallow, bare_dir / "shallow");
  }
}

void SnapshotStore::tidy() {
  const Lock lock{directory_ / "lock"};
  Git{bare()}.run({"-c", "gc.autoDetach=false", "gc", "--auto", "--quiet"});
}

}  // namespace slipway::local::exec
