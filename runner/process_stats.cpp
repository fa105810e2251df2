#include "runner/process_stats.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <vector>

#include "runner/prometheus.hpp"

namespace slipway::runner {

namespace {

using Type = Exposition::Type;

/// Fields of /proc/self/stat after the program's name, which may hold anything. [0] is field 3.
std::vector<std::string> stat_fields() {
  std::ifstream file{"/proc/self/stat"};
  const std::string text{std::istreambuf_iterator<char>{file}, {}};
  const auto name_end = text.rfind(')');
  if (name_end == std::string::npos) return {};
  std::istringstream rest{text.substr(name_end + 1)};
  return {std::istream_iterator<std::string>{rest}, {}};
}

/// When field 22 of stat, in clock ticks after the system's start, was.
double start_time(double ticks) {
  std::ifstream file{"/proc/uptime"};
  double uptime = 0;
  file >> uptime;
  const auto now =
      std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch());
  return now.count() - uptime + ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

double limit_of(int resource) {
  rlimit limit{};
  if (::getrlimit(static_cast<__rlimit_resource>(resource), &limit) != 0) return 0;
  return limit.rlim_cur == RLIM_INFINITY ? -1 : static_cast<double>(limit.rlim_cur);
}

void write(Exposition& out, const char* name, const char* help, double value) {
  out.family(name, Type::gauge, help);
  out.sample(value);
}

}  // namespace

std::string process_stats() {
  Exposition out;
  const auto fields = stat_fields();
  if (fields.size() > 21) {
    const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
    const auto page = static_cast<double>(::sysconf(_SC_PAGESIZE));
    out.family("process_cpu_seconds_total", Type::counter, "CPU time, user and system.");
    out.sample((std::stod(fields[11]) + std::stod(fields[12])) / ticks);
    write(out, "process_start_time_seconds", "Since 1970.", start_time(std::stod(fields[19])));
    write(out, "process_virtual_memory_bytes", "Address space.", std::stod(fields[20]));
    write(out, "process_resident_memory_bytes", "Memory in use.", std::stod(fields[21]) * page);
  }
  write(out, "process_virtual_memory_max_bytes", "Limit, -1 = none.", limit_of(RLIMIT_AS));
  std::error_code error;
  std::filesystem::directory_iterator files{"/proc/self/fd", error};
  if (!error)
    write(out, "process_open_fds", "Open file descriptors.",
          static_cast<double>(std::distance(begin(files), end(files))) - 1);
  write(out, "process_max_fds", "Limit of open file descriptors.", limit_of(RLIMIT_NOFILE));
  return std::move(out).text();
}

}  // namespace slipway::runner
