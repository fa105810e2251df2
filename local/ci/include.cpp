#include "local/ci/include.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "local/ci/field.hpp"
#include "local/ci/glob.hpp"
#include "local/ci/load_file.hpp"
#include "local/ci/merge.hpp"
#include "local/ci/read_rules.hpp"
#include "local/ci/variables.hpp"

namespace slipway::local::ci {
namespace {

constexpr std::size_t max_includes = 150;
constexpr std::array<std::string_view, 6> kinds{"local",    "remote",    "project",
                                                "template", "component", "artifact"};

bool is_url(std::string_view text) {
  return text.starts_with("http://") || text.starts_with("https://");
}

bool is_yaml_name(std::string_view path) {
  return path.ends_with(".yml") || path.ends_with(".yaml");
}

/// A path from the origin's root, without the `/` at its front.
std::string root_path(std::string path) {
  while (path.starts_with('/')) path.erase(0, 1);
  return path;
}

/// The one key that says what is included.
std::string kind_of(const Field& item) {
  std::string found;
  for (const auto kind : kinds) {
    if (!item.find(kind)) continue;
    if (!found.empty()) item.fail(found + " and " + std::string{kind} + " cannot be used together");
    found = kind;
  }
  if (found.empty()) item.fail("should have one of local, remote, project, template and component");
  return found;
}

void check_keys(const Field& item, const std::string& kind, bool of_trigger) {
  if (kind == "artifact") {
    if (!of_trigger) item.fail("artifact is possible in trigger:include only");
    return item.only_keys({"artifact", "job", "inputs"});
  }
  if (kind == "project") return item.only_keys({"project", "file", "ref", "rules", "inputs"});
  if (kind == "remote") return item.only_keys({"remote", "integrity", "rules", "inputs"});
  if (kind == "local") return item.only_keys({"local", "rules", "inputs"});
  if (kind == "template") return item.only_keys({"template", "rules", "inputs"});
  return item.only_keys({"component", "rules", "inputs"});
}

std::string sha256_base64(const std::string& text) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  EVP_Digest(text.data(), text.size(), digest, &size, EVP_sha256(), nullptr);
  std::string encoded(4 * ((size + 2) / 3) + 1, '\0');
  const auto length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(encoded.data()), digest,
                                      static_cast<int>(size));
  encoded.resize(static_cast<std::size_t>(length));
  return encoded;
}

}  // namespace

std::string Includer::expanded(const Field& field) {
  try {
    auto text = expand_references(field.text(), ListLookup{variables_}, Undefined::remove);
    if (text.empty()) field.fail("is empty once its variables are expanded");
    return text;
  } catch (const std::length_error& error) {
    field.fail(error.what());
  }
}

yaml::NodePtr Includer::load_root(const std::string& path, const InputValues& inputs) {
  const auto source = notes_.sources.add(path);
  std::optional<std::string> text;
  try {
    text = files_.read({}, path);
  } catch (const SourceError& error) {
    throw yaml::Error{{source, 0, 0}, error.what()};
  }
  if (!text) throw yaml::Error{{source, 0, 0}, "there is no such file"};
  const ListLookup lookup{variables_};
  const auto root = load_file({source, *text, inputs, {}, lookup}, notes_);
  chain_.push_back(path);
  auto result = expand(root, {});
  chain_.pop_back();
  return result;
}

yaml::NodePtr Includer::load_child(const yaml::NodePtr& include, const yaml::NodePtr& inputs) {
  return yaml::Node::mapping(include->mark(),
                             include_all(include, "trigger:include", {}, inputs, true));
}

yaml::NodePtr Includer::expand(const yaml::NodePtr& root, const Place& place) {
  const auto include = root->find_ptr("include");
  if (!include) return root;
  yaml::Mapping own = root->entries();
  own.erase("include");
  auto merged = include_all(include, "include", place, nullptr, false);
  merge_into(merged, own);
  return yaml::Node::mapping(root->mark(), std::move(merged));
}

yaml::Mapping Includer::include_all(const yaml::NodePtr& include, const std::string& path,
                                    const Place& place, const yaml::NodePtr& shared_inputs,
                                    bool of_trigger) {
  const Field field{include, path};
  std::vector<Field> items;
  if (field.is_list()) {
    items = field.items();
  } else {
    items.push_back(field);
  }
  yaml::Mapping result;
  for (const auto& item : items) {
    if (!item.is_mapping() && !item.node().is_string()) item.expected("a string or a mapping");
    InputValues inputs;
    if (shared_inputs)
      for (const auto& entry : shared_inputs->entries().entries()) inputs[entry.key] = entry.value;
    if (item.is_mapping()) {
      check_keys(item, kind_of(item), of_trigger);
      if (!wanted(item, place)) continue;
      for (auto& [name, value] : inputs_of(item)) inputs[name] = value;
    }
    for (auto& target : targets_of(item, place, of_trigger))
      merge_into(result, load(std::move(target), inputs, item.mark())->entries());
  }
  return result;
}

bool Includer::wanted(const Field& item, const Place& place) {
  const auto rules = item.find("rules");
  if (!rules || rules->is_null()) return true;
  auto list = read_rules(*rules, RulesOf::include);
  for (auto& rule : list)
    if (rule.exists) rule.exists->origin = place.origin;
  std::vector<RuleTrace> trace;
  const auto met = judge_.first_met(list, variables_, trace);
  return met && list[*met].when != When::never;
}

InputValues Includer::inputs_of(const Field& item) {
  InputValues result;
  if (const auto inputs = item.find("inputs"))
    for (const auto& [name, value] : inputs->members()) result[name] = value.ptr();
  return result;
}

yaml::NodePtr Includer::load(Target target, const InputValues& inputs, const yaml::Mark& mark) {
  const auto circle = std::find(chain_.begin(), chain_.end(), target.name);
  if (circle != chain_.end()) {
    std::string text;
    for (auto file = circle; file != chain_.end(); ++file) text += *file + " -> ";
    throw yaml::Error{mark, "include: goes in a circle: " + text + target.name};
  }
  if (++count_ > max_includes) throw yaml::Error{mark, "include: more than 150 files are included"};
  const auto source = notes_.sources.add(target.name, mark);
  const ListLookup lookup{variables_};
  const auto root = load_file({source, target.text, inputs, mark, lookup}, notes_);
  chain_.push_back(target.name);
  auto result = expand(root, target.place);
  chain_.pop_back();
  return result;
}

std::vector<Includer::Target> Includer::targets_of(const Field& item, const Place& place,
                                                   bool of_trigger) {
  try {
    if (!item.is_mapping()) {
      if (is_url(item.node().text())) return {remote_target(item, {})};
      return local_targets(item, place);
    }
    const auto kind = kind_of(item);
    const auto field = *item.find(kind);
    if (kind == "local") return local_targets(field, place);
    if (kind == "project") return project_targets(item);
    if (kind == "remote") {
      const auto integrity = item.find("integrity");
      return {remote_target(field, integrity ? integrity->text() : "")};
    }
    if (kind == "component") return {component_target(field)};
    if (kind == "template") {
      const auto name = expanded(field);
      if (!is_yaml_name(name)) field.fail("'" + name + "' does not end in .yml or .yaml");
      return {{{{}, true}, "template " + name, files_.read_template(name)}};
    }
    const auto job = item.find("job");
    if (!of_trigger || !job) item.fail("job is missing");
    const auto path = expanded(field);
    return {{{{}, true}, job->text() + ":" + path, files_.read_artifact(job->text(), path)}};
  } catch (const SourceError& error) {
    item.fail(error.what());
  }
}

std::vector<Includer::Target> Includer::local_targets(const Field& field, const Place& place) {
  if (place.remote) field.fail("a file that is not part of a project cannot include local files");
  const auto path = root_path(expanded(field));
  if (!is_yaml_name(path)) field.fail("'" + path + "' does not end in .yml or .yaml");
  if (path.find('*') == std::string::npos) return {read_in(field, place.origin, path)};
  std::vector<std::string> matches;
  for (const auto& candidate : files_.list(place.origin))
    if (wildcard_matches(path, candidate)) matches.push_back(candidate);
  if (matches.empty()) field.fail("no file matches '" + path + "'");
  if (matches.size() > max_includes) field.fail("'" + path + "' matches more than 150 files");
  std::vector<Target> result;
  for (const auto& match : matches) result.push_back(read_in(field, place.origin, match));
  return result;
}

Includer::Target Includer::read_in(const Field& field, const Origin& origin, std::string path) {
  auto text = files_.read(origin, path);
  const auto name = origin.is_repository() ? path : origin.project + ":" + path;
  if (!text) field.fail("there is no file '" + name + "'");
  if (text->find_first_not_of(" \t\r\n") == std::string::npos)
    field.fail("the file '" + name + "' is empty");
  return {{origin, false}, name, std::move(*text)};
}

std::vector<Includer::Target> Includer::project_targets(const Field& item) {
  const auto file = item.find("file");
  if (!file) item.fail("file is missing");
  std::string ref;
  if (const auto field = item.find("ref")) ref = expanded(*field);
  const auto project = expanded(*item.find("project"));
  std::vector<Field> paths;
  if (file->is_list()) {
    paths = file->items();
    if (paths.empty()) file->fail("should not be empty");
  } else {
    paths.push_back(*file);
  }
  const auto origin = files_.open_project(project, ref);
  std::vector<Target> result;
  for (const auto& field : paths) {
    auto path = root_path(expanded(field));
    if (!is_yaml_name(path)) field.fail("'" + path + "' does not end in .yml or .yaml");
    result.push_back(read_in(field, origin, std::move(path)));
  }
  return result;
}

Includer::Target Includer::remote_target(const Field& field, const std::string& integrity) {
  const auto url = expanded(field);
  if (!is_url(url)) field.fail("'" + url + "' is no http or https URL");
  auto text = files_.fetch(url);
  constexpr std::string_view prefix = "sha256-";
  if (!integrity.empty()) {
    if (!integrity.starts_with(prefix)) field.fail("integrity should begin with sha256-");
    if (sha256_base64(text) != integrity.substr(prefix.size()))
      field.fail("the file does not have the hash that integrity names");
  }
  return {{{}, true}, url, std::move(text)};
}

Includer::Target Includer::component_target(const Field& field) {
  const auto address = expanded(field);
  const auto at = address.rfind('@');
  if (at == std::string::npos || at + 1 == address.size())
    field.fail("'" + address + "' names no version (…@1.0)");
  if (std::count(address.begin(), address.begin() + static_cast<std::ptrdiff_t>(at), '/') < 2)
    field.fail("'" + address + "' should be host/project/name@version");
  const auto component = files_.open_component(address);
  for (const auto& path :
       {"templates/" + component.name + ".yml", "templates/" + component.name + "/template.yml"})
    if (files_.read(component.origin, path)) return read_in(field, component.origin, path);
  field.fail("there is no component '" + component.name + "' in " + component.origin.project);
}

}  // namespace slipway::local::ci
