#pragma once

#include <string_view>

namespace slipway::local::ci {

/// One kind of report under `artifacts:reports` as it goes to the runner.
struct ReportType {
  std::string_view name;
  std::string_view format;     ///< `gzip`, `raw` or `zip`
  std::string_view file_name;  ///< of the upload
};

/// Null for a name that GitLab does not know. `coverage_report` is not in the list: it goes out as
/// `cobertura` or `jacoco`.
const ReportType* find_report(std::string_view name);

}  // namespace slipway::local::ci
