#include "local/ci/reports.hpp"

namespace slipway::local::ci {
namespace {

constexpr ReportType report_types[] = {
    {"accessibility", "raw", "gl-accessibility.json"},
    {"annotations", "gzip", "gl-annotations.json"},
    {"api_fuzzing", "raw", "gl-api-fuzzing-report.json"},
    {"browser_performance", "raw", "browser-performance.json"},
    {"cluster_image_scanning", "raw", "gl-cluster-image-scanning-report.json"},
    {"cobertura", "gzip", "cobertura-coverage.xml"},
    {"codequality", "raw", "gl-code-quality-report.json"},
    {"container_scanning", "raw", "gl-container-scanning-report.json"},
    {"coverage_fuzzing", "raw", "gl-coverage-fuzzing.json"},
    {"cyclonedx", "gzip", "gl-sbom.cdx.json"},
    {"dast", "raw", "gl-dast-report.json"},
    {"dependency_scanning", "raw", "gl-dependency-scanning-report.json"},
    {"dotenv", "gzip", ".env"},
    {"jacoco", "gzip", "jacoco-coverage.xml"},
    {"junit", "gzip", "junit.xml"},
    {"license_management", "raw", "gl-license-management-report.json"},
    {"license_scanning", "raw", "gl-license-scanning-report.json"},
    {"load_performance", "raw", "load-performance.json"},
    {"lsif", "zip", "lsif.json"},
    {"metrics", "gzip", "metrics.txt"},
    {"performance", "raw", "performance.json"},
    {"repository_xray", "gzip", "gl-repository-xray.json"},
    {"requirements", "raw", "requirements.json"},
    {"requirements_v2", "raw", "requirements_v2.json"},
    {"sarif", "gzip", "gl-sarif-report.json"},
    {"sast", "raw", "gl-sast-report.json"},
    {"secret_detection", "raw", "gl-secret-detection-report.json"},
    {"terraform", "raw", "tfplan.json"},
};

}  // namespace

const ReportType* find_report(std::string_view name) {
  for (const auto& type : report_types)
    if (type.name == name) return &type;
  return nullptr;
}

}  // namespace slipway::local::ci
