#include "config/load.hpp"
#include "tests/fuzz/input.hpp"

/// config.toml: any text gives a configuration or a ConfigError, nothing else.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipway;
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  const config::Environment environment = [](const std::string& name) {
    return name == "HOME" ? std::optional<std::string>{"/root"} : std::nullopt;
  };
  try {
    const auto parsed = config::parse(text, "config.toml", environment);
    for (const auto& warning : parsed.warnings)
      fuzz::require(!warning.text.empty(), "a warning says something");
  } catch (const config::ConfigError& error) {
    fuzz::require(std::string_view{error.what()}.starts_with("config.toml"),
                  "an error names the file");
  }
  return 0;
}
