#include "local/ci/load_file.hpp"

#include "local/ci/interpolate.hpp"
#include "local/yaml/document.hpp"
#include "local/yaml/parse.hpp"

namespace slipway::local::ci {
namespace {

yaml::NodePtr parse_part(std::string_view text, const yaml::ParseOptions& options, Notes& notes) {
  auto parsed = yaml::parse(text, options);
  for (auto& warning : parsed.warnings) notes.warn(warning.mark, std::move(warning.text));
  return parsed.root;
}

yaml::ParseOptions at_line(std::uint32_t source, std::uint32_t first_line) {
  yaml::ParseOptions options;
  options.source = source;
  options.place = [source, first_line](std::uint32_t line, std::uint32_t column) {
    return yaml::Mark{source, line + first_line - 1, column};
  };
  return options;
}

/// The `inputs` of a header; absent if the document is no header.
std::optional<Field> declared_inputs(const yaml::NodePtr& header) {
  if (!header->is_mapping()) return std::nullopt;
  const auto* spec = header->entries().find("spec");
  if (!spec) return std::nullopt;
  const Field whole{header, "header"};
  whole.only_keys({"spec"});
  const Field field{spec->value, "spec"};
  if (field.is_null()) return field;
  field.only_keys({"inputs"});
  auto inputs = field.find("inputs");
  if (!inputs) return Field{yaml::Node::null(field.mark()), "spec:inputs"};
  if (!inputs->is_null()) inputs->members();
  return inputs;
}

void refuse_given(const FileText& file) {
  for (const auto& [name, value] : file.inputs)
    throw yaml::Error{value->mark(), "inputs:" + name + ": the file declares no such input"};
}

yaml::NodePtr checked(yaml::NodePtr root, std::uint32_t source) {
  if (root->is_mapping()) return root;
  if (root->is_null()) throw yaml::Error{{source, 0, 0}, "the file is empty"};
  throw yaml::Error{root->mark(), "the file should be a mapping of jobs and keywords, not " +
                                      std::string{yaml::kind_name(root->kind())}};
}

}  // namespace

yaml::NodePtr load_file(const FileText& file, Notes& notes) {
  constexpr std::size_t max_bytes = yaml::Limits{}.bytes;
  if (file.text.size() > max_bytes)
    throw yaml::Error{{file.source, 0, 0}, "larger than " + std::to_string(max_bytes) + " bytes"};
  const auto parts = yaml::split_documents(file.text);
  if (parts.size() == 1 || parts.size() > 2) {
    if (parts.size() > 2)
      throw yaml::Error{{file.source, parts[2].first_line, 1},
                        "a third document begins here; a file has a header and one document"};
    auto root = parse_part(parts[0].text, at_line(file.source, parts[0].first_line), notes);
    if (root->is_mapping() && root->find("spec"))
      throw yaml::Error{root->entries().find("spec")->mark,
                        "spec belongs into a header, which '---' parts from the rest"};
    refuse_given(file);
    return checked(std::move(root), file.source);
  }
  const auto header = parse_part(parts[0].text, at_line(file.source, parts[0].first_line), notes);
  const auto declared = declared_inputs(header);
  if (!declared) {
    notes.warn({file.source, parts[1].first_line, 1},
               "a second document begins here and has no effect: the first is no header with spec");
    refuse_given(file);
    return checked(header, file.source);
  }
  const auto inputs = resolve_inputs(*declared, file.inputs,
                                     file.given_by.line > 0 ? file.given_by : declared->mark());
  const auto text =
      interpolate(parts[1].text, file.source, parts[1].first_line, inputs, file.variables);
  yaml::ParseOptions options;
  options.source = file.source;
  options.place = [&](std::uint32_t line, std::uint32_t column) {
    return text.place(file.source, line, column);
  };
  options.limits.bytes = 2 * max_bytes;
  return checked(parse_part(text.text(), options, notes), file.source);
}

}  // namespace slipway::local::ci
