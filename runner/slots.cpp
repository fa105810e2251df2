#include "runner/slots.hpp"

namespace slipway::runner {

namespace {
int smallest_free(std::set<int>& taken) {
  int number = 0;
  while (!taken.insert(number).second) ++number;
  return number;
}
}  // namespace

Slots::Numbers Slots::take(const std::string& token, std::int64_t project) {
  return {smallest_free(global_[token]), smallest_free(project_[{token, project}])};
}

void Slots::give_back(const std::string& token, std::int64_t project, Numbers numbers) {
  global_[token].erase(numbers.global);
  project_[{token, project}].erase(numbers.project);
}

}  // namespace slipway::runner
