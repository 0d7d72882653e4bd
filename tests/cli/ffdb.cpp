#include "cli/ffdb.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <poll.h>
#include <random>
#include <spawn.h>
#include <sstream>
#include <stdexcept>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

#include "support/backend.hpp"
#include "support/catch.hpp"

namespace conduit::test {
namespace {

namespace fs = std::filesystem;

// Far above what any of the tests takes, under sanitizers too.
constexpr int patience_ms = 60'000;

void check(bool good, const char* what) {
  if (!good) throw std::system_error(errno, std::system_category(), what);
}

std::string all_of(int fd) {
  std::string text;
  std::array<char, 65536> piece;
  check(::lseek(fd, 0, SEEK_SET) == 0, "lseek");
  for (;;) {
    const ssize_t count = ::read(fd, piece.data(), piece.size());
    check(count >= 0, "read");
    if (count == 0) return text;
    text.append(piece.data(), static_cast<std::size_t>(count));
  }
}

int input_of(std::string_view content) {
  const int fd = ::memfd_create("input", MFD_CLOEXEC);
  check(fd >= 0 &&
            ::write(fd, content.data(), content.size()) == static_cast<ssize_t>(content.size()),
        "memfd_create");
  check(::lseek(fd, 0, SEEK_SET) == 0, "lseek");
  return fd;
}

pid_t spawn(const arguments& what, int input, int output, int errors) {
  std::string program = CONDUIT_FFDB_PATH;
  std::vector<std::string> copy = what;
  std::vector<char*> argv{program.data()};
  for (std::string& word : copy) argv.push_back(word.data());
  argv.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO);
  pid_t pid = -1;
  errno = ::posix_spawn(&pid, program.c_str(), &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  check(errno == 0, "posix_spawn of ffdb");
  return pid;
}

bool wait_readable(int fd) {
  pollfd wanted{fd, POLLIN, 0};
  return ::poll(&wanted, 1, patience_ms) == 1;
}

}  // namespace

std::vector<std::string> program_result::lines() const {
  std::vector<std::string> found;
  std::istringstream text(out);
  for (std::string line; std::getline(text, line);) found.push_back(line);
  return found;
}

running_ffdb::running_ffdb(arguments what, std::string_view input, int stdout_to) {
  what.insert(what.end(),
              {"--backend", backend_under_test() == backend::io_uring ? "io_uring" : "threads"});
  const int in = input_of(input);
  errors_ = ::memfd_create("errors", MFD_CLOEXEC);
  check(errors_ >= 0, "memfd_create");
  if (stdout_to >= 0) {
    pid_ = spawn(what, in, stdout_to, errors_);
  } else {
    std::array<int, 2> ends{};
    check(::pipe2(ends.data(), O_CLOEXEC) == 0, "pipe2");
    output_ = ends[0];
    pid_ = spawn(what, in, ends[1], errors_);
    ::close(ends[1]);
  }
  ::close(in);
}

running_ffdb::~running_ffdb() {
  close_output();
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  ::close(errors_);
}

void running_ffdb::close_output() {
  if (output_ >= 0) ::close(output_);
  output_ = -1;
}

bool running_ffdb::read_some() {
  std::array<char, 65536> piece;
  if (!wait_readable(output_)) return false;
  const ssize_t count = ::read(output_, piece.data(), piece.size());
  if (count <= 0) return false;
  unread_.append(piece.data(), static_cast<std::size_t>(count));
  return true;
}

std::string running_ffdb::read_line() {
  std::size_t end = unread_.find('\n');
  while (end == std::string::npos) {
    if (!read_some()) throw std::runtime_error("ffdb wrote no line");
    end = unread_.find('\n');
  }
  std::string line = unread_.substr(0, end);
  unread_.erase(0, end + 1);
  return line;
}

program_result running_ffdb::finish() {
  if (output_ >= 0) {
    while (read_some()) {
    }
  }
  const auto ended = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));
  check(ended >= 0, "pidfd_open");
  const bool in_time = wait_readable(ended);
  ::close(ended);
  if (!in_time) ::kill(pid_, SIGKILL);
  int status = 0;
  check(::waitpid(pid_, &status, 0) == pid_, "waitpid");
  pid_ = -1;
  program_result result;
  if (in_time) result.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  result.out = std::move(unread_);
  result.err = all_of(errors_);
  return result;
}

program_result ffdb(arguments what, std::string_view input) {
  running_ffdb running(std::move(what), input);
  return running.finish();
}

scratch_store::scratch_store() {
  std::string name = (fs::temp_directory_path() / "ffdb-test-XXXXXX").native();
  check(::mkdtemp(name.data()) != nullptr, "mkdtemp");
  root_ = name;
}

scratch_store::~scratch_store() {
  std::error_code ignored;
  fs::remove_all(root_, ignored);
}

std::string scratch_store::data_file(std::uint32_t number) const {
  std::array<char, 32> name{};
  std::snprintf(name.data(), name.size(), "store/data_%08u.dat", number);
  return path(name.data());
}

arguments scratch_store::command_line(const std::string& command, arguments rest) const {
  arguments words{command, "--store", store()};
  words.insert(words.end(), rest.begin(), rest.end());
  return words;
}

program_result scratch_store::run(const std::string& command, arguments rest,
                                  std::string_view input) const {
  return ffdb(command_line(command, std::move(rest)), input);
}

std::string scratch_store::put(std::string_view content, arguments rest) const {
  rest.emplace_back("-");
  const program_result result = run("put", std::move(rest), content);
  INFO(result.err);
  REQUIRE(result.status == 0);
  REQUIRE(result.out.ends_with("\t-\n"));
  return result.out.substr(0, result.out.find('\t'));
}

program_result scratch_store::get(const std::string& location, arguments rest) const {
  rest.push_back(location);
  return run("get", std::move(rest));
}

std::string scratch_store::write(std::string_view name, std::string_view content) const {
  const fs::path target = root_ / name;
  fs::create_directories(target.parent_path());
  std::ofstream file(target, std::ios::binary);
  file << content << std::flush;
  if (!file) throw std::runtime_error("cannot write " + target.native());
  return target.native();
}

std::string scratch_store::read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path);
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

void scratch_store::damage(const std::string& file, std::uint64_t offset) {
  std::fstream stream(file, std::ios::binary | std::ios::in | std::ios::out);
  stream.seekg(static_cast<std::streamoff>(offset));
  const int byte = stream.get();
  stream.seekp(static_cast<std::streamoff>(offset));
  stream.put(static_cast<char>(byte ^ 0x55));
  stream.flush();
  if (!stream) throw std::runtime_error("cannot damage " + file);
}

std::map<std::string, std::string> scratch_store::everything(std::string_view below) const {
  std::map<std::string, std::string> found;
  const fs::path top = root_ / below;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(top)) {
    const bool file = entry.is_regular_file() && !entry.is_symlink();
    found.emplace(entry.path().lexically_relative(top).native(),
                  file ? read(entry.path().native()) : std::string());
  }
  return found;
}

std::string content_of(std::size_t size, unsigned seed) {
  std::mt19937_64 random(seed);
  std::string content;
  content.reserve(size + sizeof(std::uint64_t));
  while (content.size() < size) {
    const std::uint64_t bits = random();
    content.append(reinterpret_cast<const char*>(&bits), sizeof(bits));
  }
  content.resize(size);
  return content;
}

}  // namespace conduit::test
