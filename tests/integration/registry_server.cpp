#include "tests/integration/registry_server.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>

#include "docker_api/registry_auth.hpp"
#include "executors/docker/names.hpp"
#include "tests/integration/private_engine.hpp"

namespace slipway::tests {
namespace {

using namespace std::chrono_literals;

constexpr auto start_limit = 30s;

/// A port of `address` that is free now; with 0 any.
std::uint16_t bound_port(const std::string& address, std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_port = htons(port);
  ::inet_pton(AF_INET, address.c_str(), &where.sin_addr);
  socklen_t size = sizeof where;
  const bool bound = ::bind(fd, reinterpret_cast<const sockaddr*>(&where), size) == 0 &&
                     ::getsockname(fd, reinterpret_cast<sockaddr*>(&where), &size) == 0;
  ::close(fd);
  if (!bound) throw std::runtime_error{fmt::format("no port on {} for a registry", address)};
  return ntohs(where.sin_port);
}

std::filesystem::path new_directory() {
  char name[] = "/tmp/slipway-registry-XXXXXX";
  if (::mkdtemp(name) == nullptr) throw std::runtime_error{"no directory for a registry"};
  return name;
}

}  // namespace

RegistryServer::RegistryServer(Options options)
    : options_{std::move(options)}, directory_{new_directory()} {
  options_.port = bound_port(options_.address, options_.port);
  host_ = fmt::format("{}:{}", options_.address, options_.port);
  if (!options_.user.empty())
    shell(fmt::format("htpasswd -Bbn -C 4 '{}' '{}' >'{}/users'", options_.user, options_.password,
                      directory_.string()));
  write_configuration();
  start();
}

RegistryServer::~RegistryServer() {
  stop();
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

void RegistryServer::write_configuration() const {
  std::ofstream file{directory_ / "config.yml"};
  file << "version: 0.1\n"
       << "log: {accesslog: {disabled: false}, level: error}\n"
       << "storage: {filesystem: {rootdirectory: " << directory_.string() << "/data}, "
       << "maintenance: {uploadpurging: {enabled: false}}}\n"
       << "http: {addr: '" << (options_.everywhere ? host_at("") : host_) << "'}\n";
  if (!options_.user.empty())
    file << "auth: {htpasswd: {realm: test, path: " << directory_.string() << "/users}}\n";
}

void RegistryServer::start() {
  const auto log = (directory_ / "log").string();
  const auto configuration = (directory_ / "config.yml").string();
  const auto parent = ::getpid();
  process_ = ::fork();
  if (process_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(126);
    const int file = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    ::dup2(file, 1);
    ::dup2(file, 2);
    for (int fd = 3; fd < 1024; ++fd) ::close(fd);
    ::execlp("docker-registry", "docker-registry", "serve", configuration.c_str(), nullptr);
    ::_exit(127);
  }
  const auto probe = fmt::format(
      "curl -s -o /dev/null --max-time 2 -w '%{{http_code}}' 'http://{}/v2/' || true", host_);
  const auto answers = [&] {
    if (::waitpid(process_, nullptr, WNOHANG) != 0)
      throw std::runtime_error{"docker-registry does not run; is the package installed? " +
                               shell("tail -n 5 '" + log + "'")};
    return shell(probe) != "000";
  };
  if (!wait_for(answers, start_limit)) throw std::runtime_error{"the registry does not answer"};
}

void RegistryServer::stop() {
  if (process_ <= 0) return;
  ::kill(process_, SIGKILL);
  ::waitpid(process_, nullptr, 0);
  process_ = -1;
}

std::string RegistryServer::host_at(const std::string& address) const {
  return fmt::format("{}:{}", address, options_.port);
}

std::string RegistryServer::client_config(const std::string& host) const {
  if (options_.user.empty()) return "{}";
  const auto auth = docker_api::encode_base64(options_.user + ":" + options_.password);
  return fmt::format(R"({{"auths":{{"{}":{{"auth":"{}"}}}}}})", host.empty() ? host_ : host, auth);
}

std::string RegistryServer::push(const std::string& image, const std::string& name,
                                 std::string engine) {
  const auto config = directory_ / "client";
  std::filesystem::create_directories(config);
  std::ofstream{config / "config.json"} << client_config();
  const auto full = host_ + "/" + name;
  auto docker = fmt::format("docker --config '{}'", config.string());
  if (!engine.empty()) docker += fmt::format(" --host '{}'", engine);
  shell(fmt::format("{} tag '{}' '{}'", docker, image, full));
  const auto said = shell(fmt::format("{} push '{}'", docker, full));
  shell(fmt::format("{} rmi '{}' || true", docker, full));
  const auto at = said.find("digest: ");
  if (at == std::string::npos) throw std::runtime_error{"no digest after a push: " + said};
  return said.substr(at + 8, said.find(' ', at + 8) - at - 8);
}

/// Sends `bytes` and returns their digest.
std::string RegistryServer::upload(const std::string& target, const std::string& type,
                                   const std::string& bytes) {
  const auto file = (directory_ / "upload").string();
  std::ofstream{file, std::ios::binary} << bytes;
  shell(fmt::format("curl -sf -X PUT -H 'Content-Type: {}' --data-binary '@{}' '{}'", type, file,
                    target));
  return "sha256:" + executors::docker::digest_hex("SHA256", bytes);
}

void RegistryServer::add_platform(const std::string& repository, const std::string& tag,
                                  const std::string& digest, const std::string& architecture) {
  using nlohmann::json;
  const std::string types = "application/vnd.docker.distribution.manifest.";
  const auto base = fmt::format("http://{}/v2/{}/", host_, repository);
  const auto get = [&](const std::string& path) {
    return shell(fmt::format("curl -sf -H 'Accept: {}v2+json' '{}{}'", types, base, path));
  };
  const auto native = get("manifests/" + digest);
  auto manifest = json::parse(native);
  auto config = json::parse(get("blobs/" + manifest["config"]["digest"].get<std::string>()));
  const auto native_architecture = config["architecture"].get<std::string>();
  config["architecture"] = architecture;
  const auto text = config.dump();
  const auto config_digest = "sha256:" + executors::docker::digest_hex("SHA256", text);
  auto place = shell(
      fmt::format("curl -sf -X POST -o /dev/null -D - '{}blobs/uploads/' | tr -d '\r' | sed -n "
                  "'s/^[Ll]ocation: //p'",
                  base));
  place.erase(place.find_last_not_of('\n') + 1);
  upload(place + "&digest=" + config_digest, "application/octet-stream", text);
  manifest["config"]["digest"] = config_digest;
  manifest["config"]["size"] = text.size();
  const auto foreign = manifest.dump();
  const auto foreign_digest = upload(base + "manifests/" + tag, types + "v2+json", foreign);
  const auto entry = [&](const std::string& of, std::size_t size, const std::string& runs_on) {
    return json{{"mediaType", types + "v2+json"},
                {"digest", of},
                {"size", size},
                {"platform", {{"os", "linux"}, {"architecture", runs_on}}}};
  };
  const json list{{"schemaVersion", 2},
                  {"mediaType", types + "list.v2+json"},
                  {"manifests",
                   {entry(digest, native.size(), native_architecture),
                    entry(foreign_digest, foreign.size(), architecture)}}};
  upload(base + "manifests/" + tag, types + "list.v2+json", list.dump());
}

/// The log is Apache's combined one: `address - - [time] "GET /v2/ HTTP/1.1" 200 2 "" "agent"`.
std::vector<std::string> RegistryServer::requests() const {
  std::vector<std::string> all;
  std::ifstream file{directory_ / "log"};
  for (std::string line; std::getline(file, line);) {
    const auto begin = line.find("] \"");
    const auto end = line.find(" HTTP/1.1\" ");
    if (begin == std::string::npos || end == std::string::npos) continue;
    all.push_back(line.substr(begin + 3, end - begin - 3) + " " + line.substr(end + 11, 3));
  }
  return all;
}

int RegistryServer::count(const std::string& method, const std::string& part,
                          std::size_t from) const {
  int number = 0;
  const auto all = requests();
  for (std::size_t i = from; i < all.size(); ++i)
    if (all[i].starts_with(method + " ") && all[i].find(part) != std::string::npos) ++number;
  return number;
}

}  // namespace slipway::tests
