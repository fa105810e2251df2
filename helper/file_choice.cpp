#include "helper/file_choice.hpp"

#include <fmt/format.h>

#include <utility>

#include "helper/archive/file_selection.hpp"
#include "helper/artifacts/untracked.hpp"
#include "helper/expansion.hpp"
#include "helper/log.hpp"

namespace slipway::helper {

namespace {

using Lookup = std::function<std::optional<std::string>(std::string_view)>;

std::vector<std::string> expanded(const std::vector<std::string>& texts, const Lookup& lookup) {
  std::vector<std::string> result;
  for (const auto& text : texts) {
    auto words = expand_words(text, lookup);
    if (!words.problem.empty())
      log(LogLevel::warning, fmt::format("invalid path \"{}\": {}", text, words.problem));
    result.push_back(std::move(words.text));
  }
  return result;
}

}  // namespace

archive::PathList choose_files(const FileChoice& choice, const Lookup& lookup) {
  archive::SelectionRequest request;
  request.paths = expanded(choice.paths, lookup);
  request.exclude = expanded(choice.exclude, lookup);
  std::optional<UntrackedFiles> untracked;
  if (choice.untracked) {
    untracked.emplace(choice.project);
    request.untracked = untracked->problem().empty();
    if (!request.untracked) log(LogLevel::warning, "untracked: " + untracked->problem());
    request.untracked_list = untracked->list();
  }
  auto selection = archive::select_files(choice.project, request);
  for (const auto& note : selection.notes)
    log(note.level == archive::Note::Level::info ? LogLevel::info : LogLevel::warning, note.text);
  return std::move(selection.files);
}

archive::CompressionLevel level_called(const std::string& word) {
  const auto level = archive::compression_level(word);
  if (!level)
    log(LogLevel::warning,
        fmt::format("compression level \"{}\" is invalid, falling back to default", word));
  return level.value_or(archive::CompressionLevel::normal);
}

}  // namespace slipway::helper
