#include "tests/integration/forward_proxy.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <stdexcept>

#include "tests/integration/private_engine.hpp"

namespace slipway::tests {

using namespace std::chrono_literals;

ForwardProxy::ForwardProxy(const std::string& address, int port) {
  char name[] = "/tmp/slipway-proxy-XXXXXX";
  if (::mkdtemp(name) == nullptr) throw std::runtime_error{"no directory for a proxy"};
  directory_ = name;
  url_ = fmt::format("http://{}:{}", address, port);
  const auto configuration = (directory_ / "tinyproxy.conf").string();
  const auto log = (directory_ / "log").string();
  std::ofstream{configuration} << fmt::format(
      "Port {}\nListen {}\nTimeout 60\nLogFile \"{}\"\nLogLevel Info\nMaxClients 100\n", port,
      address, log);
  const auto parent = ::getpid();
  process_ = ::fork();
  if (process_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(126);
    for (int fd = 3; fd < 1024; ++fd) ::close(fd);
    ::execlp("tinyproxy", "tinyproxy", "-d", "-c", configuration.c_str(), nullptr);
    ::_exit(127);
  }
  // It answers what is no request for a proxy with an error, once it listens.
  const auto answers = [&] {
    if (::waitpid(process_, nullptr, WNOHANG) != 0)
      throw std::runtime_error{"tinyproxy does not run; is the package installed?"};
    return shell(fmt::format("curl -s -o /dev/null --max-time 2 -w '%{{http_code}}' '{}' || true",
                             url_)) != "000";
  };
  if (!wait_for(answers, 20s)) throw std::runtime_error{"the proxy does not answer"};
}

ForwardProxy::~ForwardProxy() {
  ::kill(process_, SIGKILL);
  ::waitpid(process_, nullptr, 0);
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

std::string ForwardProxy::log() const {
  std::ifstream file{directory_ / "log"};
  return {std::istreambuf_iterator<char>{file}, {}};
}

}  // namespace slipway::tests
