#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "child.hpp"
#include "local/coordinator.hpp"
#include "tests/fakes/test_paths.hpp"

namespace slipway::cmd {

/// What one command left behind.
struct Outcome {
  int exit_code = 0;
  std::string out;
  std::string err;
};

/// The real program with a directory of its own, against a coordinator on loopback that is served
/// by another thread while the program runs, and stands still between.
class CommandTest : public ::testing::Test {
 protected:
  CommandTest();
  ~CommandTest() override;

  /// Runs the program to its end. \param input  what is typed.
  Outcome run(std::vector<std::string> arguments, const std::string& input = "",
              const Environment& environment = {},
              const std::string& program = fakes::slipway_program);
  /// The same with `talk` deciding what happens meanwhile.
  Outcome converse(std::vector<std::string> arguments, const std::function<void(Child&)>& talk,
                   const Environment& environment = {},
                   const std::string& program = fakes::slipway_program);

  std::string file() const;  ///< the config's text, "" if there is none
  void write_file(const std::string& text) const;
  std::string url() const;
  /// `register` with everything that a docker runner needs, and `more`.
  std::vector<std::string> register_line(std::vector<std::string> more = {}) const;

  std::filesystem::path directory;
  std::string config;
  boost::asio::io_context io;
  local::Coordinator gitlab;
  std::uint16_t port = 0;

 private:
  boost::asio::cancellation_signal stop_;
};

/// How often `part` is in `text`.
std::size_t occurrences(const std::string& text, const std::string& part);

}  // namespace slipway::cmd
