#include "runner/slots.hpp"

namespace slipway::runner {

namespace {
int smallest_free(std::set<int>& taken) {
  int number = 0;
  while (!taken.insert(number).second) ++number;
  return number;
}

/// A key without numbers is forgotten: a daemon sees many projects in its life.
template <class Key>
void give_back(std::map<Key, std::set<int>>& slots, const Key& key, int number) {
  const auto found = slots.find(key);
  if (found == slots.end()) return;
  found->second.erase(number);
  if (found->second.empty()) slots.erase(found);
}
}  // namespace

Slots::Numbers Slots::take(const std::string& token, std::int64_t project) {
  return {smallest_free(global_[token]), smallest_free(project_[{token, project}])};
}

void Slots::keep(const std::string& token, std::int64_t project, Numbers numbers) {
  global_[token].insert(numbers.global);
  project_[{token, project}].insert(numbers.project);
}

void Slots::give_back(const std::string& token, std::int64_t project, Numbers numbers) {
  runner::give_back(global_, token, numbers.global);
  runner::give_back(project_, std::pair{token, project}, numbers.project);
}

}  // namespace slipway::runner
