#include "local/ci/read_parts.hpp"
#include "local/ci/reports.hpp"

namespace slipway::local::ci {
namespace {

ReportSpec read_coverage(const Field& field) {
  field.only_keys({"coverage_format", "path"});
  const auto format = field.find("coverage_format");
  const auto path = field.find("path");
  if (!format) field.fail("coverage_format is missing");
  if (!path) field.fail("path is missing");
  return {format->one_of({"cobertura", "jacoco"}), {path->text()}};
}

std::vector<ReportSpec> read_reports(const Field& field) {
  std::vector<ReportSpec> result;
  if (!field.is_mapping()) field.expected("a mapping of report types to paths");
  for (const auto& entry : field.node().entries().entries()) {
    const Field report{entry.value, field.path() + ":" + entry.key};
    if (entry.key == "coverage_report") {
      if (!report.is_null()) result.push_back(read_coverage(report));
      continue;
    }
    const bool known = entry.key != "cobertura" && entry.key != "jacoco" && find_report(entry.key);
    if (!known)
      throw yaml::Error{entry.mark, field.path() + ": unknown report type '" + entry.key + "'"};
    if (!report.is_null()) result.push_back({entry.key, report.text_or_texts()});
  }
  return result;
}

void check_exposure(const Field& field, const ArtifactsSpec& artifacts) {
  const auto expose = field.find("expose_as");
  if (!expose) return;
  if (artifacts.paths.empty()) expose->fail("needs paths");
  for (const auto& path : artifacts.paths)
    if (path.find('*') != std::string::npos)
      expose->fail("is not possible with wildcards in paths");
}

void read_access(const Field& field, ArtifactsSpec& artifacts) {
  const auto access = field.find("access");
  const auto is_public = field.find("public");
  if (access && is_public) field.fail("access and public cannot be used together");
  if (access) artifacts.access = access->one_of({"none", "developer", "maintainer", "all"});
  if (is_public) artifacts.access = is_public->boolean() ? "all" : "developer";
}

}  // namespace

std::optional<ArtifactsSpec> read_artifacts(const Field& field, Notes& notes) {
  if (field.is_null()) return std::nullopt;
  ArtifactsSpec result;
  field.only_keys({"paths", "exclude", "expose_as", "name", "untracked", "when", "access", "public",
                   "expire_in", "reports"});
  if (const auto paths = field.find("paths")) {
    result.paths = paths->texts();
    if (result.paths.empty()) paths->fail("should not be empty");
  }
  if (const auto exclude = field.find("exclude")) {
    result.exclude = exclude->texts();
    if (result.exclude.empty()) exclude->fail("should not be empty");
  }
  if (const auto expose = field.find("expose_as")) {
    result.expose_as = expose->text();
    if (result.expose_as.size() > 100) expose->fail("should not be longer than 100 characters");
    notes.warn(expose->mark(), expose->path() + ": there is no merge request to show it in");
  }
  if (const auto name = field.find("name")) result.name = name->string();
  if (const auto untracked = field.find("untracked")) result.untracked = untracked->boolean();
  if (const auto when = field.find("when"))
    result.when = when->one_of({"on_success", "on_failure", "always"});
  read_access(field, result);
  if (const auto expire = field.find("expire_in")) {
    result.expire_in = expire->scalar();
    if (result.expire_in != "never") expire->duration();
  }
  if (const auto reports = field.find("reports"); reports && !reports->is_null())
    result.reports = read_reports(*reports);
  check_exposure(field, result);
  return result;
}

}  // namespace slipway::local::ci
