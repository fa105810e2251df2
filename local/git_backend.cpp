#include "local/git_backend.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <stdexcept>
#include <vector>

#include "local/reply.hpp"
#include "util/async.hpp"

namespace slipway::local {

namespace {

using namespace std::chrono_literals;

constexpr int max_running = 16;
constexpr std::size_t max_request = 64u << 20;
constexpr std::size_t max_cgi_head = 16u << 10;
constexpr auto silence_limit = 120'000ms;
constexpr auto exit_limit = 10'000ms;
constexpr std::size_t piece = 64u << 10;

/// Letters, digits and `-_.` in parts that are no `.` or `..`, separated by single slashes.
bool is_plain_path(std::string_view path) {
  constexpr std::size_t longest = 1'024;
  if (path.empty() || path.size() > longest) return false;
  while (true) {
    const auto part = path.substr(0, path.find('/'));
    if (part.empty() || part == "." || part == "..") return false;
    for (const char c : part) {
      const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                         (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
      if (!plain) return false;
    }
    if (part.size() == path.size()) return true;
    path.remove_prefix(part.size() + 1);
  }
}

int base64_value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  return c == '/' ? 63 : -1;
}

std::optional<std::string> decode_base64(std::string_view text) {
  while (text.ends_with('=')) text.remove_suffix(1);
  std::string result;
  unsigned bits = 0;
  int count = 0;
  for (const char c : text) {
    const int value = base64_value(c);
    if (value < 0) return std::nullopt;
    bits = (bits << 6 | static_cast<unsigned>(value)) & 0xffffu;
    count += 6;
    if (count >= 8) {
      count -= 8;
      result += static_cast<char>(bits >> count & 0xffu);
    }
  }
  return result;
}

/// What `git http-backend` is told. Only checked or fixed texts: nothing of the client's goes in as
/// it came.
Environment cgi_environment(const net::Request& head, const GitRequest& request,
                            const std::string& bare) {
  Environment environment{
      "GATEWAY_INTERFACE=CGI/1.1",
      "GIT_PROJECT_ROOT=" + bare,
      "GIT_HTTP_EXPORT_ALL=1",
      "GIT_CONFIG_NOSYSTEM=1",
      "GIT_CONFIG_GLOBAL=/dev/null",
      "GIT_CONFIG_COUNT=3",
      "GIT_CONFIG_KEY_0=safe.directory",
      "GIT_CONFIG_VALUE_0=*",
      "GIT_CONFIG_KEY_1=uploadpack.allowAnySHA1InWant",
      "GIT_CONFIG_VALUE_1=true",
      "GIT_CONFIG_KEY_2=uploadpack.allowFilter",
      "GIT_CONFIG_VALUE_2=true",
      "LC_ALL=C",
      "REMOTE_USER=gitlab-ci-token",
  };
  if (request.advertise) {
    environment.insert(environment.end(), {"REQUEST_METHOD=GET", "PATH_INFO=/info/refs",
                                           "QUERY_STRING=service=git-upload-pack"});
  } else {
    environment.insert(environment.end(),
                       {"REQUEST_METHOD=POST", "PATH_INFO=/git-upload-pack",
                        "QUERY_STRING=", "CONTENT_TYPE=application/x-git-upload-pack-request"});
    const auto encoding = head.headers.get("Content-Encoding");
    if (encoding == "gzip" || encoding == "x-gzip")
      environment.push_back("HTTP_CONTENT_ENCODING=gzip");
  }
  const auto protocol = head.headers.get("Git-Protocol");
  for (const auto* known : {"version=0", "version=1", "version=2"})
    if (protocol == known) environment.push_back("GIT_PROTOCOL=" + protocol);
  return environment;
}

/// The header block of a CGI answer.
net::Response parse_cgi_head(std::string_view head) {
  auto reply = empty_reply(200);
  while (!head.empty()) {
    const auto end = std::min(head.find('\n'), head.size());
    auto line = head.substr(0, end);
    head.remove_prefix(std::min(end + 1, head.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    const auto name = line.substr(0, colon);
    auto value = line.substr(colon + 1);
    value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
    if (name == "Status") {
      int status = 500;
      std::from_chars(value.data(), value.data() + value.size(), status);
      reply = empty_reply(status);
    } else {
      reply.headers.add(std::string{name}, std::string{value});
    }
  }
  return reply;
}

asio::awaitable<void> feed(net::Exchange& exchange, ChildProcess& git) {
  std::vector<char> buffer(piece);
  std::size_t total = 0;
  bool reads = true;
  while (const auto size = co_await exchange.read_some(buffer)) {
    total += size;
    if (total > max_request)
      throw net::Error{net::Step::limit, "a git request is longer than the limit"};
    // The rest is read all the same, so that the connection stays usable.
    if (reads) reads = co_await git.write({buffer.data(), size});
  }
  git.close_input();
}

/// Reads up to the empty line; what follows it stays in `text`.
asio::awaitable<net::Response> read_cgi_head(ChildProcess& git, std::string& text) {
  std::vector<char> buffer(piece);
  while (true) {
    auto end = text.find("\r\n\r\n");
    std::size_t skip = 4;
    if (end == std::string::npos) {
      end = text.find("\n\n");
      skip = 2;
    }
    if (end != std::string::npos) {
      auto reply = parse_cgi_head(std::string_view{text}.substr(0, end));
      text.erase(0, end + skip);
      co_return reply;
    }
    const auto size =
        text.size() > max_cgi_head ? 0 : co_await git.read_some(buffer, silence_limit);
    if (size == 0) co_return empty_reply(500);
    text.append(buffer.data(), size);
  }
}

/// Sends git's answer; false when the connection was cut on purpose.
asio::awaitable<bool> pump(net::Exchange& exchange, ChildProcess& git, std::string rest,
                           std::optional<std::size_t> cut_after) {
  std::vector<char> buffer(piece);
  std::size_t sent = 0;
  std::string_view data = rest;
  while (true) {
    if (cut_after && sent + data.size() > *cut_after) {
      co_await exchange.write(data.substr(0, *cut_after - sent));
      exchange.drop();
      co_return false;
    }
    if (!data.empty()) co_await exchange.write(data);
    sent += data.size();
    const auto size = co_await git.read_some(buffer, silence_limit);
    if (size == 0) break;
    data = {buffer.data(), size};
  }
  if (cut_after) {
    exchange.drop();
    co_return false;
  }
  co_await exchange.finish();
  co_return true;
}

}  // namespace

std::optional<GitRequest> parse_git_request(const net::Request& request) {
  std::string_view target = request.target;
  const auto query_begin = target.find('?');
  const auto query =
      query_begin == std::string_view::npos ? std::string_view{} : target.substr(query_begin + 1);
  const auto path = target.substr(0, query_begin);
  GitRequest result;
  std::string_view suffix;
  if (request.method == "GET" && query == "service=git-upload-pack") {
    suffix = ".git/info/refs";
    result.advertise = true;
  } else if (request.method == "POST" && query.empty()) {
    suffix = ".git/git-upload-pack";
  } else {
    return std::nullopt;
  }
  if (!path.starts_with('/') || !path.ends_with(suffix)) return std::nullopt;
  if (path.size() <= suffix.size() + 1) return std::nullopt;
  const auto project = path.substr(1, path.size() - 1 - suffix.size());
  if (!is_plain_path(project)) return std::nullopt;
  result.project = project;
  return result;
}

std::optional<BasicCredentials> parse_basic(std::string_view authorization) {
  constexpr std::string_view scheme = "basic ";
  constexpr std::size_t longest = 4'096;
  if (authorization.size() < scheme.size() || authorization.size() > longest) return std::nullopt;
  for (std::size_t i = 0; i < scheme.size(); ++i)
    if ((authorization[i] | 0x20) != scheme[i]) return std::nullopt;
  const auto text = decode_base64(authorization.substr(scheme.size()));
  if (!text) return std::nullopt;
  const auto colon = text->find(':');
  if (colon == std::string::npos) return std::nullopt;
  return BasicCredentials{text->substr(0, colon), text->substr(colon + 1)};
}

void GitBackend::add(std::string project, std::filesystem::path bare) {
  if (!is_plain_path(project))
    throw std::invalid_argument{"not a plain project path: '" + project + "'"};
  repositories_[std::move(project)] = std::filesystem::absolute(bare);
}

asio::awaitable<int> GitBackend::serve(net::Exchange& exchange, GitRequest request,
                                       std::optional<std::size_t> cut_after) {
  if (running_ >= max_running) {
    auto reply = message_reply(503, "too many fetches at once");
    co_await exchange.respond(std::move(reply));
    co_return 503;
  }
  struct Running {
    int& count;
    explicit Running(int& counter) : count{counter} { ++count; }
    ~Running() { --count; }
  };
  const Running running{running_};
  auto work = run(exchange, std::move(request), cut_after);
  co_return co_await util::with_timeout(std::move(work), limit_);
}

asio::awaitable<int> GitBackend::run(net::Exchange& exchange, GitRequest request,
                                     std::optional<std::size_t> cut_after) {
  const auto bare = repositories_.at(request.project).string();
  const auto environment = cgi_environment(exchange.request(), request, bare);
  const std::vector<std::string> arguments{"git", "http-backend"};
  ChildProcess git{executor_, arguments, environment};
  // http-backend reads the whole request before upload-pack answers: no need to do both at once.
  co_await feed(exchange, git);
  std::string rest;
  auto reply = co_await read_cgi_head(git, rest);
  const auto status = reply.status;
  co_await exchange.begin(std::move(reply));
  const bool whole = co_await pump(exchange, git, std::move(rest), cut_after);
  if (!whole) co_return 0;
  const int exit_code = co_await git.wait(exit_limit);
  if (exit_code != 0 || status >= 400)
    spdlog::warn("git http-backend failed project={} status={} exit_code={} error={}",
                 request.project, status, exit_code, git.error_text());
  co_return status;
}

}  // namespace slipway::local
