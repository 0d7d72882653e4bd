// A whole process that opens a store and gets one blob from it: with 10,000 data files, and
// with 10.
#include <spawn.h>
#include <sys/wait.h>

#include <array>
#include <cstring>
#include <fstream>

#include "comparison.hpp"
#include "filled_store.hpp"

extern char** environ;

namespace conduit::bench {
namespace {

constexpr unsigned many = 10'000;
constexpr unsigned few = 10;
constexpr const char* open_and_get = "--open-and-get";

// As many plain files of one blob each. They are written as files and not as puts: a store syncs
// its directory for each.
std::filesystem::path make_files(const scratch_directory& scratch, unsigned count) {
  const std::filesystem::path directory = scratch / ("files" + std::to_string(count));
  std::filesystem::create_directory(directory);
  const std::vector<char> bytes = random_bytes(block_bytes, 1);
  for (unsigned number = 0; number < count; ++number) {
    std::array<char, 32> name{};
    std::snprintf(name.data(), name.size(), "data_%08u.dat", number);
    std::ofstream file(directory / name.data(), std::ios::binary);
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    require(file.good(), name.data());
  }
  return directory;
}

// The child.
int get_one(const char* directory, const char* number) {
  asio::io_context context;
  const flat_file_db db = flat_file_db::open(context, options(directory));
  data_location where;
  where.file_number = static_cast<std::uint32_t>(std::strtoul(number, nullptr, 10));
  where.end = block_bytes;
  std::size_t size = 0;
  const slice all{0, block_bytes};
  db.get_slice(where, all, [&](std::error_code error, const blob& bytes) {
    if (!error) size = bytes.size();
  });
  context.run();
  return size == block_bytes ? 0 : 1;
}

// Milliseconds from the start of the process to its end.
double run_child(const std::filesystem::path& directory, unsigned number) {
  std::string program = std::filesystem::read_symlink("/proc/self/exe").string();
  std::string word = open_and_get;
  std::string path = directory.string();
  std::string file = std::to_string(number);
  std::array<char*, 5> words{program.data(), word.data(), path.data(), file.data(), nullptr};
  const auto begin = stint::clock::now();
  pid_t child = 0;
  require(::posix_spawn(&child, program.c_str(), nullptr, nullptr, words.data(), environ) == 0,
          "posix_spawn");
  int status = 0;
  require(::waitpid(child, &status, 0) == child, "waitpid");
  const auto end = stint::clock::now();
  if (status != 0) throw std::runtime_error("the process that opens the store failed");
  return std::chrono::duration<double, std::milli>(end - begin).count();
}

void run(const settings& wanted) {
  const scratch_directory scratch(wanted);
  const std::filesystem::path large = make_files(scratch, many);
  const std::filesystem::path small = make_files(scratch, few);
  print_header();
  std::vector<double> more_ms;
  for (unsigned pair = 0; pair <= wanted.pairs; ++pair) {
    const double mine = run_child(large, (many - 1) / (pair + 1));
    const double theirs = run_child(small, (few - 1) / (pair + 1));
    if (pair != 0) more_ms.push_back(mine - theirs);
  }
  print_figure(wanted, {20,
                        "process that opens 10,000 files and gets, more than with 10",
                        "ms",
                        median(more_ms),
                        20,
                        true,
                        {{"differences", more_ms}}});
}

}  // namespace
}  // namespace conduit::bench

int main(int count, char** words) {
  if (count == 4 && std::strcmp(words[1], conduit::bench::open_and_get) == 0)
    return conduit::bench::get_one(words[2], words[3]);
  return conduit::bench::run_program(count, words, {20}, conduit::bench::run);
}
