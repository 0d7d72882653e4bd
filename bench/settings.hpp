// What every benchmark takes on its command line.
#pragma once

#include <algorithm>
#include <cerrno>
#include <conduit/options.hpp>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <initializer_list>
#include <set>
#include <string>
#include <string_view>
#include <system_error>

namespace conduit::bench {

inline constexpr std::size_t block_bytes = 4096;

struct settings {
  std::filesystem::path directory =
      std::filesystem::current_path();  // the data goes into a new directory in there
  conduit::backend backend = backend::automatic;
  double seconds = 0.3;  // of one sample; those that read past the page cache take longer
  unsigned pairs = 7;    // samples of each side
  std::set<unsigned> rows;
  std::filesystem::path results;  // receives a JSON object a line; may be empty

  bool wants(unsigned row) const { return rows.empty() || rows.contains(row); }
};

[[noreturn]] inline void explain_and_exit(const char* program, const char* complaint) {
  std::fprintf(complaint == nullptr ? stdout : stderr,
               "%s%susage: %s [--directory DIR] [--backend automatic|io_uring|threads] [--seconds "
               "S] [--pairs N] [--rows N,N...] [--results FILE]\n"
               "DIR should lie on the disk of interest: memory file systems have neither a sync "
               "nor O_DIRECT.\n",
               complaint == nullptr ? "" : complaint, complaint == nullptr ? "" : "\n", program);
  std::exit(complaint == nullptr ? 0 : 2);
}

inline conduit::backend parse_backend(const char* program, std::string_view word) {
  if (word == "automatic") return backend::automatic;
  if (word == "io_uring") return backend::io_uring;
  if (word == "threads") return backend::threads;
  explain_and_exit(program, "no such backend");
}

inline settings parse_settings(int count, char** words) {
  settings found;
  for (int i = 1; i < count; ++i) {
    const std::string_view word = words[i];
    if (word == "--help") explain_and_exit(words[0], nullptr);
    if (i + 1 == count)
      explain_and_exit(words[0], "an option without its value, or no option at all");
    const std::string value = words[++i];
    if (word == "--directory") {
      found.directory = std::filesystem::absolute(value);
    } else if (word == "--results") {
      found.results = std::filesystem::absolute(value);
    } else if (word == "--backend") {
      found.backend = parse_backend(words[0], value);
    } else if (word == "--seconds") {
      found.seconds = std::strtod(value.c_str(), nullptr);
    } else if (word == "--pairs") {
      found.pairs = static_cast<unsigned>(std::strtoul(value.c_str(), nullptr, 10));
    } else if (word == "--rows") {
      for (const char* at = value.c_str(); *at != '\0';) {
        char* end = nullptr;
        found.rows.insert(static_cast<unsigned>(std::strtoul(at, &end, 10)));
        if (end == at) explain_and_exit(words[0], "--rows takes numbers");
        at = *end == ',' ? end + 1 : end;
      }
    } else {
      explain_and_exit(words[0], "no such option");
    }
  }
  if (found.seconds <= 0 || found.pairs == 0)
    explain_and_exit(words[0], "--seconds and --pairs must be positive");
  return found;
}

inline void require(bool condition, const char* what) {
  if (!condition) throw std::system_error(errno, std::generic_category(), what);
}

// A directory of its own below the one that was asked for, removed at the end.
class scratch_directory {
 public:
  explicit scratch_directory(const settings& wanted) {
    std::string name = (wanted.directory / "conduit-bench.XXXXXX").string();
    require(::mkdtemp(name.data()) != nullptr, name.c_str());
    path_ = name;
  }
  scratch_directory(const scratch_directory&) = delete;
  scratch_directory& operator=(const scratch_directory&) = delete;
  ~scratch_directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

// The body of `main`: does nothing if none of the program's rows is wanted, and tells what went
// wrong instead of aborting.
template <typename Run>
int run_program(int count, char** words, std::initializer_list<unsigned> rows, Run run) {
  try {
    const settings wanted = parse_settings(count, words);
    const auto is_wanted = [&wanted](unsigned row) { return wanted.wants(row); };
    if (std::any_of(rows.begin(), rows.end(), is_wanted)) run(wanted);
    return 0;
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "%s: %s\n", words[0], failure.what());
    return 1;
  }
}

}  // namespace conduit::bench
