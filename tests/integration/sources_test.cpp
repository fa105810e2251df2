// Sources as git brings them: submodules, over TLS with a private authority.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/fakes/certificates.hpp"
#include "tests/integration/docker_jobs.hpp"

namespace slipway::tests {
namespace {

using local::JobBuilder;
using local::JobState;
using testing::HasSubstr;
using testing::Not;

/// Takes TLS connections at an address and passes what is said to a plain server.
constexpr const char* relay_program = R"(
import socket, ssl, sys, threading
address, port, certificate, key = sys.argv[1:5]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
def pump(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass
def serve(peer):
    try:
        with context.wrap_socket(peer, server_side=True) as near, \
                socket.create_connection((address, int(port))) as far:
            back = threading.Thread(target=pump, args=(far, near))
            back.start()
            pump(near, far)
            back.join()
    except OSError:
        pass
listener = socket.create_server((address, 0))
print(listener.getsockname()[1], flush=True)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
)";

class TlsRelay {
 public:
  TlsRelay(const std::string& address, const std::string& port, const std::string& certificate,
           const std::string& key) {
    int ends[2];
    if (::pipe(ends) != 0) throw std::runtime_error{"pipe"};
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(ends[1], STDOUT_FILENO);
      ::execlp("python3", "python3", "-c", relay_program, address.c_str(), port.c_str(),
               certificate.c_str(), key.c_str(), nullptr);
      std::_Exit(127);
    }
    ::close(ends[1]);
    char digit = 0;
    while (::read(ends[0], &digit, 1) == 1 && digit != '\n') port_ += digit;
    ::close(ends[0]);
  }
  TlsRelay(const TlsRelay&) = delete;
  TlsRelay& operator=(const TlsRelay&) = delete;
  ~TlsRelay() {
    ::kill(pid_, SIGTERM);
    ::waitpid(pid_, nullptr, 0);
  }
  const std::string& port() const { return port_; }

 private:
  pid_t pid_ = -1;
  std::string port_;
};

TEST_F(DockerJobs, BringsSubmodulesOverTlsWithAPrivateAuthority) {
  const auto lib = make_repository({{"lib.txt", "of the submodule\n"}});
  const auto work = scratch() / "work";
  // The project is its own submodule, at an earlier commit.
  ASSERT_EQ(std::system(fmt::format("git -C '{}' update-index --add --cacheinfo 160000,{},sub",
                                    work.string(), lib)
                            .c_str()),
            0);
  std::filesystem::create_directories(work / "sub");
  const auto sha = commit_files(
      {{".gitmodules", "[submodule \"sub\"]\n\tpath = sub\n\turl = ../project.git\n"}});

  const auto plain = config.runners.front().url.substr(std::string{"http://"}.size());
  const auto colon = plain.rfind(':');
  const CertificateAuthority authority;
  const auto identity = authority.issue({.names = {"IP:" + plain.substr(0, colon)}});
  std::ofstream{scratch() / "certificate.pem"} << identity.certificate;
  std::ofstream{scratch() / "key.pem"} << identity.key;
  const TlsRelay relay{plain.substr(0, colon), plain.substr(colon + 1),
                       scratch() / "certificate.pem", scratch() / "key.pem"};
  ASSERT_FALSE(relay.port().empty()) << "python3 is needed";

  auto payload = JobBuilder{}
                     .image(image)
                     .git("demo/project", "main", sha)
                     .variable("GIT_SUBMODULE_STRATEGY", "recursive")
                     .script({"cat sub/lib.txt", "test -s \"$CI_SERVER_TLS_CA_FILE\"",
                              "if grep -r gitlab-ci-token .git; then exit 1; fi"})
                     .build();
  payload["git_info"]["repo_url"] =
      fmt::format("https://gitlab-ci-token:@JOB_TOKEN@@{}:{}/demo/project.git",
                  plain.substr(0, colon), relay.port());
  payload["variables"].push_back({{"key", "CI_SERVER_TLS_CA_FILE"},
                                  {"value", authority.certificate()},
                                  {"file", true},
                                  {"raw", true}});
  const auto& job = run_job(payload);
  const auto text = plain_text(job.trace);
  EXPECT_EQ(job.state, JobState::success) << text;
  EXPECT_THAT(text, HasSubstr("Updating/initializing submodules recursively with git depth set"));
  EXPECT_THAT(text, HasSubstr("Updated submodules"));
  EXPECT_THAT(text, HasSubstr("\nof the submodule\n"));
  EXPECT_THAT(text, Not(HasSubstr("Skipping Git submodules setup")));
}

}  // namespace
}  // namespace slipway::tests
