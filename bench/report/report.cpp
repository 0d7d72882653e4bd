// Makes one document of the lines that the benchmarks wrote, with the machine they ran on, and
// prints each row's verdict: bench_report LINES DIRECTORY RESULT.
#include <sys/statfs.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <thread>

namespace {

using nlohmann::json;

// What stands behind the first `name` and a colon in a file of /proc.
std::string value_in(const char* file, const std::string& name) {
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind(name, 0) != 0) continue;
    const std::size_t at = line.find_first_not_of(" \t", line.find(':') + 1);
    return at == std::string::npos ? "" : line.substr(at);
  }
  return "unknown";
}

// The file system whose mount point is the longest one above the directory.
std::string file_system_of(const std::filesystem::path& directory) {
  std::ifstream mounts("/proc/self/mounts");
  std::string best;
  std::string found = "unknown";
  for (std::string device, point, type, rest; mounts >> device >> point >> type;) {
    std::getline(mounts, rest);
    const bool above = point == "/" || directory.string() == point ||
                       directory.string().rfind(point + "/", 0) == 0;
    if (!above || point.size() < best.size()) continue;
    best = point;
    found = type + " on " + device;
  }
  return found;
}

std::string first_line_of(const char* file) {
  std::ifstream lines(file);
  std::string line;
  std::getline(lines, line);
  return line;
}

json environment(const std::filesystem::path& directory) {
  utsname kernel{};
  ::uname(&kernel);
  struct sysinfo machine{};
  ::sysinfo(&machine);
  const std::time_t now = std::time(nullptr);
  char when[sizeof "2000-01-01T00:00:00Z"];
  std::strftime(when, sizeof when, "%FT%TZ", std::gmtime(&now));
  return {{"time", when},
          {"processor", value_in("/proc/cpuinfo", "model name")},
          {"processors", std::thread::hardware_concurrency()},
          {"memory_bytes", std::uint64_t{machine.totalram} * machine.mem_unit},
          {"kernel", kernel.release},
          {"file_system", file_system_of(directory)},
          {"load_afterwards", first_line_of("/proc/loadavg")},
          {"compiler", __VERSION__}};
}

void print_verdicts(const json& rows) {
  std::printf("\n%3s  %-62s %9s  %-7s %s\n", "row", "case", "figure", "bar", "");
  std::size_t met = 0;
  for (const json& row : rows) {
    const bool is_met = row.at("met");
    met += is_met ? 1 : 0;
    const std::string unit = row.at("unit");
    std::printf("%3u  %-62s %9.3f  %s %-5g%s %s\n", row.at("row").get<unsigned>(),
                row.at("case").get<std::string>().c_str(), row.at("figure").get<double>(),
                row.at("bar_is") == "at most" ? "<=" : ">=", row.at("bar").get<double>(),
                unit == "ratio" ? "" : (" " + unit).c_str(), is_met ? "met" : "MISSED");
  }
  std::printf("%zu of %zu met\n", met, rows.size());
}

}  // namespace

int main(int count, char** words) try {
  if (count != 4) {
    std::fprintf(stderr, "usage: %s LINES DIRECTORY RESULT\n", words[0]);
    return 2;
  }
  json rows = json::array();
  std::ifstream lines(words[1]);
  for (std::string line; std::getline(lines, line);) rows.push_back(json::parse(line));
  if (rows.empty()) throw std::runtime_error("no benchmark has such a row, or none ran");
  std::stable_sort(rows.begin(), rows.end(), [](const json& one, const json& other) {
    return one.at("row") < other.at("row");
  });
  const json result{{"environment", environment(std::filesystem::absolute(words[2]))},
                    {"rows", rows}};
  std::ofstream file(words[3]);
  file << result.dump(2) << '\n';
  if (!file.flush()) throw std::runtime_error(std::string(words[3]) + " cannot be written");
  print_verdicts(rows);
  return 0;
} catch (const std::exception& failure) {
  std::fprintf(stderr, "%s: %s\n", words[0], failure.what());
  return 1;
}
