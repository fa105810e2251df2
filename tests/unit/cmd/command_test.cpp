#include "command_test.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <fstream>
#include <sstream>
#include <thread>

namespace slipway::cmd {

namespace {

local::CoordinatorOptions coordinator_options() {
  local::CoordinatorOptions options;
  options.registration_token = util::Secret{"GR1348941legacy-secret"};
  return options;
}

}  // namespace

CommandTest::CommandTest() : gitlab{io.get_executor(), coordinator_options()} {
  auto pattern = (std::filesystem::temp_directory_path() / "slipway-cmd-XXXXXX").string();
  directory = ::mkdtemp(pattern.data());
  config = (directory / "config.toml").string();
  net::Endpoint address;
  address.host = "127.0.0.1";
  port = gitlab.listen(address);
  boost::asio::co_spawn(io, gitlab.run(),
                        boost::asio::bind_cancellation_slot(
                            stop_.slot(), [](std::exception_ptr) { /* ends cancelled */ }));
}

CommandTest::~CommandTest() {
  stop_.emit(boost::asio::cancellation_type::terminal);
  io.restart();
  io.run_for(std::chrono::seconds{5});
  std::error_code ignored;
  std::filesystem::remove_all(directory, ignored);
}

std::string CommandTest::url() const {
  return "http://127.0.0.1:" + std::to_string(port) + "/";
}

Outcome CommandTest::converse(std::vector<std::string> arguments,
                              const std::function<void(Child&)>& talk,
                              const Environment& environment, const std::string& program) {
  auto variables = environment;
  variables.emplace_back("HOME", directory.string());
  variables.emplace_back("PATH", "/usr/bin:/bin");
  Child child{program, std::move(arguments), variables};
  io.restart();
  std::thread server{[this] { io.run(); }};
  talk(child);
  Outcome outcome;
  outcome.exit_code = child.finish();
  io.stop();
  server.join();
  outcome.out = std::move(child.out);
  outcome.err = std::move(child.err);
  return outcome;
}

Outcome CommandTest::run(std::vector<std::string> arguments, const std::string& input,
                         const Environment& environment, const std::string& program) {
  const auto talk = [&](Child& child) {
    if (!input.empty()) child.type(input);
  };
  return converse(std::move(arguments), talk, environment, program);
}

std::string CommandTest::file() const {
  std::ostringstream text;
  text << std::ifstream{config}.rdbuf();
  return text.str();
}

void CommandTest::write_file(const std::string& text) const {
  std::ofstream{config} << text;
}

std::vector<std::string> CommandTest::register_line(std::vector<std::string> more) const {
  std::vector<std::string> line{"register",   "-c",     config,           "-n",
                                "--url",      url(),    "--name",         "My Runner",
                                "--executor", "docker", "--docker-image", "alpine"};
  line.insert(line.end(), more.begin(), more.end());
  return line;
}

std::size_t occurrences(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size()))
    ++count;
  return count;
}

}  // namespace slipway::cmd
