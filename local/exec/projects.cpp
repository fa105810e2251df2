#include "local/exec/projects.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>
#include <system_error>

#include "local/exec/work_tree.hpp"

namespace slipway::local::exec {

namespace {

namespace fs = std::filesystem;

using Version = std::array<int, 3>;

/// The numbers of `1.2.3`, `v1.2` …, and how many there are; absent for anything else.
std::optional<std::pair<Version, std::size_t>> parse_version(std::string_view text) {
  if (text.starts_with('v')) text.remove_prefix(1);
  Version version{};
  std::size_t count = 0;
  while (count < version.size()) {
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), version[count]);
    if (error != std::errc{} || version[count] < 0) return std::nullopt;
    ++count;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (text.empty()) return std::pair{version, count};
    if (text[0] != '.') return std::nullopt;
    text.remove_prefix(1);
  }
  return std::nullopt;
}

std::vector<std::string> tags_of(const Git& git, const std::string& url) {
  std::vector<std::string> tags;
  const auto text = git.run({"ls-remote", "--tags", "--refs", "--quiet", "--", url});
  constexpr std::string_view mark = "refs/tags/";
  for (auto at = text.find(mark); at != std::string::npos; at = text.find(mark, at)) {
    at += mark.size();
    tags.push_back(text.substr(at, text.find('\n', at) - at));
  }
  return tags;
}

bool is_path(const std::string& url) {
  return url.starts_with('/') || url.starts_with("file://");
}

}  // namespace

std::string sibling_url(const std::string& origin, const std::string& project) {
  if (origin.empty()) return {};
  auto base = origin;
  while (base.ends_with('/')) base.pop_back();
  const bool suffix = base.ends_with(".git");
  const auto own = project_path_of(origin);
  const auto bare = suffix ? base.substr(0, base.size() - 4) : base;
  if (own.empty() || !bare.ends_with(own)) return {};
  return bare.substr(0, bare.size() - own.size()) + project + (suffix ? ".git" : "");
}

std::string host_of(const std::string& url) {
  if (is_path(url)) return {};
  auto rest = url;
  if (const auto scheme = rest.find("://"); scheme != std::string::npos) {
    rest = rest.substr(scheme + 3);
    rest = rest.substr(0, rest.find('/'));
  } else {
    rest = rest.substr(0, rest.find(':'));
  }
  if (const auto at = rest.rfind('@'); at != std::string::npos) rest = rest.substr(at + 1);
  return rest;
}

std::string newest_version(const std::vector<std::string>& tags, const std::string& version) {
  const auto wanted = parse_version(version);
  if (version != "~latest" && (!wanted || wanted->second == 3)) return {};
  std::string best;
  Version best_version{-1, 0, 0};
  for (const auto& tag : tags) {
    const auto found = parse_version(tag);
    if (!found || found->second != 3) continue;
    bool fits = true;
    for (std::size_t part = 0; wanted && part < wanted->second; ++part)
      fits = fits && found->first[part] == wanted->first[part];
    if (!fits || found->first <= best_version) continue;
    best_version = found->first;
    best = tag;
  }
  return best;
}

Git Projects::repository_of(const std::string& url) {
  if (cache_.empty()) throw ci::SourceError{"there is no directory to fetch other projects into"};
  const auto directory = cache_ / (std::to_string(std::hash<std::string>{}(url)) + ".git");
  std::error_code error;
  if (!fs::exists(directory / "HEAD", error)) {
    fs::create_directories(directory, error);
    if (error) throw ci::SourceError{"cannot make " + directory.string() + ": " + error.message()};
    Git{directory}.run({"init", "--quiet", "--bare", "."});
  }
  return Git{directory};
}

ci::Origin Projects::open_url(const std::string& path, const std::string& url,
                              const std::string& ref) {
  const auto known = commits_.find({url, ref});
  if (known != commits_.end()) return {path, known->second};
  try {
    const auto git = repository_of(url);
    git.run({"-c", "protocol.file.allow=always", "fetch", "--quiet", "--depth=1", "--no-tags",
             "--no-write-fetch-head", "--refmap=", "--", url,
             "+" + (ref.empty() ? "HEAD" : ref) + ":refs/slipway/fetched"});
    const auto commit = git.run({"rev-parse", "--verify", "refs/slipway/fetched^{commit}"});
    // So that it stays when the ref moves on.
    git.run({"update-ref", "refs/slipway/" + commit, commit});
    commits_[{url, ref}] = commit;
    urls_[path] = url;
    return {path, commit};
  } catch (const GitError& error) {
    const auto name = ref.empty() ? path : path + "@" + ref;
    throw ci::SourceError{
        "project '" + name + "' cannot be fetched from " + (is_path(url) ? url : host_of(url)) +
        (is_path(url) ? "" : " (the network is needed for it)") + ": " + error.what()};
  }
}

ci::Origin Projects::open(const std::string& path, const std::string& ref) {
  const auto url = sibling_url(origin_url_, path);
  if (url.empty())
    throw ci::SourceError{"project '" + path +
                          "' is looked for beside the remote `origin`, and this repository has "
                          "none that names a project"};
  return open_url(path, url, ref);
}

ci::ComponentOrigin Projects::open_component(const std::string& address) {
  const auto at = address.rfind('@');
  const auto version = address.substr(at + 1);
  const auto whole = address.substr(0, at);
  const auto host_end = whole.find('/');
  const auto name_begin = whole.rfind('/');
  const auto host = whole.substr(0, host_end);
  const auto project = whole.substr(host_end + 1, name_begin - host_end - 1);
  // `$CI_SERVER_FQDN` is not known yet, and means the server that the repository comes from.
  const bool own = host.starts_with("@SERVER_") || host == host_of(origin_url_);
  const auto url =
      own ? sibling_url(origin_url_, project) : "https://" + host + "/" + project + ".git";
  if (url.empty())
    throw ci::SourceError{"the component's project '" + project +
                          "' is looked for beside the remote `origin`, and there is none"};
  auto ref = version;
  try {
    const auto newest = newest_version(tags_of(repository_of(url), url), version);
    if (!newest.empty()) ref = "refs/tags/" + newest;
  } catch (const GitError& error) {
    throw ci::SourceError{"'" + address +
                          "' cannot be resolved (the network is needed for it): " + error.what()};
  }
  if (version == "~latest" && ref == version)
    throw ci::SourceError{"project '" + project + "' has no version to be the latest"};
  return {open_url(project, url, ref), whole.substr(name_begin + 1)};
}

std::optional<std::string> Projects::read(const ci::Origin& origin, const std::string& path) {
  const auto url = urls_.find(origin.project);
  if (url == urls_.end()) throw ci::SourceError{"project '" + origin.project + "' is not open"};
  return repository_of(url->second).ask({"cat-file", "blob", origin.ref + ":" + path});
}

std::vector<std::string> Projects::list(const ci::Origin& origin) {
  const auto url = urls_.find(origin.project);
  if (url == urls_.end()) throw ci::SourceError{"project '" + origin.project + "' is not open"};
  try {
    return split_nul(
        repository_of(url->second).run({"ls-tree", "-r", "-z", "--name-only", origin.ref}));
  } catch (const GitError& error) {
    throw ci::SourceError{error.what()};
  }
}

}  // namespace slipway::local::exec
