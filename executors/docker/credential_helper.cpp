#include "executors/docker/credential_helper.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <string_view>
#include <system_error>

#include "executors/docker/registry_credentials.hpp"
#include "util/async.hpp"
#include "util/program.hpp"

namespace slipway::executors::docker {

namespace {

using namespace std::chrono_literals;

constexpr auto helper_limit = 10s;
constexpr std::size_t max_output = 1u << 20;
constexpr std::size_t shown_message = 200;
constexpr std::string_view not_found = "credentials not found";

/// The first line of what a helper that failed has said: by its protocol the reason. Whatever could
/// be part of an answer is left out.
std::string reason(std::string_view output) {
  auto line = output.substr(0, std::min(output.find_first_of("\r\n"), shown_message));
  if (line.find_first_of("{\"") != std::string_view::npos) return "";
  std::string text{line};
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < ' ' || c > '~'; }, '?');
  return text.empty() ? "" : ": " + text;
}

asio::awaitable<util::ProgramEnd> run(std::string helper, const char* action, std::string input) {
  const auto program = "docker-credential-" + helper;
  std::vector<std::string> arguments{program, action};
  std::string problem;
  try {
    auto end = co_await util::run_program(std::move(arguments), std::move(input), max_output,
                                          helper_limit);
    if (!end.too_much) co_return end;
    problem = fmt::format("it wrote more than {} bytes", max_output);
  } catch (const util::TimeoutError&) {
    problem = fmt::format("no answer within {} s", helper_limit.count());
  } catch (const boost::system::system_error&) {
    throw;
  } catch (const std::system_error& error) {
    problem = error.code().message();
  }
  throw HelperError{fmt::format("{} {}: {}", program, action, problem)};
}

}  // namespace

asio::awaitable<std::vector<std::string>> list_credentials(std::string helper) {
  const auto end = co_await run(helper, "list", "");
  if (end.exit_code != 0)
    throw HelperError{fmt::format("docker-credential-{} list: exit code {}{}", helper,
                                  end.exit_code, reason(end.output))};
  try {
    co_return parse_helper_list(end.output);
  } catch (const BadClientConfig& error) {
    throw HelperError{fmt::format("docker-credential-{} list: {}", helper, error.what())};
  }
}

asio::awaitable<docker_api::RegistryAuth> get_credentials(std::string helper, std::string key) {
  const auto end = co_await run(helper, "get", key);
  if (end.exit_code != 0 && end.output.starts_with(not_found)) co_return docker_api::RegistryAuth{};
  if (end.exit_code != 0)
    throw HelperError{fmt::format("docker-credential-{} get: exit code {}{}", helper, end.exit_code,
                                  reason(end.output))};
  try {
    co_return parse_helper_answer(end.output, key);
  } catch (const BadClientConfig& error) {
    throw HelperError{fmt::format("docker-credential-{} get: {}", helper, error.what())};
  }
}

}  // namespace slipway::executors::docker
