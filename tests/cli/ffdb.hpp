// Runs the real `ffdb` in a fresh directory: the language of the program's tests.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace conduit::test {

inline constexpr int did_not_end = -1;

struct program_result {
  int status = did_not_end;  // or 128 + signal
  std::string out;
  std::string err;

  std::vector<std::string> lines() const;  // of `out`
};

using arguments = std::vector<std::string>;

// The program while it runs. Its standard input is what was given, its standard output a pipe that
// `read_line` and `finish` read.
class running_ffdb {
 public:
  // `--backend`, as the test program is for, is added to the arguments. `stdout_to` is used as
  // standard output instead of the pipe.
  explicit running_ffdb(arguments what, std::string_view input = {}, int stdout_to = -1);
  running_ffdb(const running_ffdb&) = delete;
  running_ffdb& operator=(const running_ffdb&) = delete;
  ~running_ffdb();

  pid_t pid() const noexcept { return pid_; }
  // Waits for a whole line; without its newline.
  std::string read_line();
  void close_output();
  // Waits for the end, but not for ever.
  program_result finish();

 private:
  bool read_some();

  pid_t pid_ = -1;
  int output_ = -1;
  int errors_ = -1;
  std::string unread_;
};

program_result ffdb(arguments what, std::string_view input = {});

// A directory of its own for each test, for a store and whatever else; removed at the end.
class scratch_store {
 public:
  scratch_store();
  scratch_store(const scratch_store&) = delete;
  scratch_store& operator=(const scratch_store&) = delete;
  ~scratch_store();

  std::string path(std::string_view name) const { return (root_ / name).native(); }
  std::string store() const { return path("store"); }
  std::string data_file(std::uint32_t number) const;

  // "COMMAND --store … REST".
  program_result run(const std::string& command, arguments rest = {},
                     std::string_view input = {}) const;
  arguments command_line(const std::string& command, arguments rest = {}) const;
  // Puts one blob, which must succeed, and returns its location's text.
  std::string put(std::string_view content, arguments rest = {}) const;
  program_result get(const std::string& location, arguments rest = {}) const;

  std::string write(std::string_view name, std::string_view content) const;  // the path
  static std::string read(const std::string& path);
  // Overwrites one stored byte.
  static void damage(const std::string& file, std::uint64_t offset);

  // Every name below the directory, relative to it, with a file's content.
  std::map<std::string, std::string> everything(std::string_view below = {}) const;

 private:
  std::filesystem::path root_;
};

// `size` bytes that do not repeat themselves; the same ones for the same seed.
std::string content_of(std::size_t size, unsigned seed = 0);

}  // namespace conduit::test
