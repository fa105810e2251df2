#include "cmd/slipway-demo/options.hpp"

#include <CLI/CLI.hpp>

namespace slipway::demo {

std::optional<Options> parse_command_line(int argc, char** argv, int& exit_code) {
  Options options;
  long long seconds = options.limit.count();
  CLI::App app{
      "Runs a job from end to end: the bundled coordinator hands it to `slipway run`, which runs "
      "it "
      "on the Docker Engine that DOCKER_HOST names. Nothing of it stays but images and the helper "
      "volume."};
  app.add_option("--repository", options.repository, "bare git repository of the project")
      ->required()
      ->check(CLI::ExistingDirectory);
  app.add_option("--commit", options.commit, "the commit to build")->required();
  app.add_option("--job", options.job, "job payload with placeholders")
      ->take_last()
      ->required()
      ->check(CLI::ExistingFile);
  app.add_option("--stand-in", options.stand_ins, "an image that was made here, not pulled");
  app.add_option("--limit", seconds, "seconds after which the demo gives up")
      ->take_last()
      ->capture_default_str()
      ->check(CLI::Range(1, 86'400));
  exit_code = 0;
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    exit_code = app.exit(error) == 0 ? 0 : 2;
    return std::nullopt;
  }
  options.limit = std::chrono::seconds{seconds};
  return options;
}

}  // namespace slipway::demo
