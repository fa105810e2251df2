#include "cmd/slipway/exec_pipeline.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <chrono>
#include <stdexcept>

#include "cmd/slipway/fatal.hpp"
#include "cmd/slipway/go_style.hpp"
#include "local/exec/user_variables.hpp"
#include "local/yaml/parse.hpp"

namespace slipway::cmd {

namespace {

namespace fs = std::filesystem;
using local::exec::WorkTree;

constexpr auto variables_file = ".slipway-variables";

WorkTree find_tree(const ExecOptions& options) {
  try {
    return WorkTree::find(options.directory);
  } catch (const local::GitError& error) {
    throw Fatal{error.what()};
  } catch (const fs::filesystem_error& error) {
    throw Fatal{fmt::format("{}: {}", options.directory, error.code().message())};
  }
}

local::exec::TreeFiles::Options file_options(const ExecOptions& options, const WorkTree& tree) {
  local::exec::TreeFiles::Options result;
  result.committed = options.committed;
  if (options.committed && !tree.has_commits())
    throw Fatal{"--committed: the repository has no commits"};
  result.cache = fs::path{options.state_dir} / "projects";
  result.template_dir = options.template_dir;
  return result;
}

/// From the least to the most specific.
job::Variables user_variables(const ExecOptions& options, const WorkTree& tree) {
  job::Variables result;
  try {
    if (const auto own = tree.root() / variables_file; fs::exists(own))
      result.append(local::exec::load_user_variables(own));
    for (const auto& file : options.variable_files)
      result.append(local::exec::load_user_variables(file));
    for (const auto& text : options.variables)
      result.add(local::exec::parse_assignment(text, /*masked=*/false));
    for (const auto& text : options.masked_variables)
      result.add(local::exec::parse_assignment(text, /*masked=*/true));
  } catch (const std::exception& error) {
    throw Fatal{error.what()};
  }
  return result;
}

local::ci::InputValues inputs_of(const ExecOptions& options) {
  local::ci::InputValues result;
  for (const auto& text : options.inputs) {
    const auto equals = text.find('=');
    if (equals == std::string::npos || equals == 0)
      throw UsageError{
          fmt::format("--input {}: takes a name and a value with an equals sign between", text)};
    local::yaml::ParseOptions parsing;
    parsing.place = [](std::uint32_t, std::uint32_t) { return local::yaml::Mark{}; };
    try {
      result[text.substr(0, equals)] = local::yaml::parse(text.substr(equals + 1), parsing).root;
    } catch (const local::yaml::Error& error) {
      throw UsageError{fmt::format("--input {}: {}", text, error.what())};
    }
  }
  return result;
}

}  // namespace

ExecProject::ExecProject(const ExecOptions& options)
    : options_{options},
      tree_{find_tree(options)},
      files_{tree_, file_options(options, tree_)},
      history_{tree_, options.committed} {
  auto& facts = compile_options_.facts;
  facts = tree_.facts();
  facts.config_path = options.file;
  facts.created_at = fmt::format(
      "{:%Y-%m-%dT%H:%M:%S}Z",
      fmt::gmtime(std::chrono::system_clock::to_time_t(std::chrono::system_clock::now())));
  if (const auto base = tree_.has_git() ? tree_.base() : ""; !base.empty()) facts.before_sha = base;
  compile_options_.user_variables = user_variables(options, tree_);
  compile_options_.inputs = inputs_of(options);
}

local::ci::Pipeline ExecProject::compile() {
  return local::ci::compile(files_, history_, compile_options_);
}

}  // namespace slipway::cmd
