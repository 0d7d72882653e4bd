// Runs tests/processes/original.py, a process of the Python original, and speaks with it by lines.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <sstream>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include "base/unique_fd.hpp"

extern char** environ;

namespace conduit::test {

class original_process {
 public:
  // Starts it and waits until it has opened the store.
  original_process(const std::filesystem::path& directory, const std::filesystem::path& lock_file,
                   std::uint64_t max_file_size) {
    const std::filesystem::path script =
        std::filesystem::path(__FILE__).parent_path().parent_path() / "processes" / "original.py";
    start({"/usr/bin/python3", script.string(), directory.string(), lock_file.string(),
           std::to_string(max_file_size)});
    if (answer() != "ready") throw std::runtime_error("original.py did not start");
  }
  original_process(const original_process&) = delete;
  original_process& operator=(const original_process&) = delete;
  ~original_process() {
    ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }

  // One command, and its answer.
  std::string ask(const std::string& command) {
    tell(command);
    return answer();
  }

  // The same in two steps, for what takes its time; `answers()` is readable when the answer is
  // there.
  void tell(const std::string& command) {
    const std::string line = command + "\n";
    if (::write(to_.get(), line.data(), line.size()) != static_cast<ssize_t>(line.size()))
      throw std::runtime_error("original.py is gone");
  }
  int answers() const noexcept { return from_.get(); }
  std::string answer() {
    std::size_t end = 0;
    while ((end = read_.find('\n')) == std::string::npos) {
      std::array<char, 4096> part;
      const ssize_t count = ::read(from_.get(), part.data(), part.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0 && errno == EAGAIN) {
        // A loop that waits for `answers()` may have made it non-blocking.
        pollfd ready{from_.get(), POLLIN, 0};
        ::poll(&ready, 1, -1);
        continue;
      }
      if (count <= 0) throw std::runtime_error("original.py ended without an answer");
      read_.append(part.data(), static_cast<std::size_t>(count));
    }
    const std::string line = read_.substr(0, end);
    read_.erase(0, end + 1);
    return line;
  }

 private:
  void start(std::vector<std::string> words) {
    int input[2] = {-1, -1};
    int output[2] = {-1, -1};
    if (::pipe2(input, O_CLOEXEC) != 0 || ::pipe2(output, O_CLOEXEC) != 0)
      throw std::system_error(errno, std::system_category(), "pipe2");
    const unique_fd its_input(input[0]);
    const unique_fd its_output(output[1]);
    to_ = unique_fd(input[1]);
    from_ = unique_fd(output[0]);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, its_input.get(), STDIN_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, its_output.get(), STDOUT_FILENO);
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    const int error =
        ::posix_spawn(&pid_, arguments[0], &actions, nullptr, arguments.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    if (error != 0) throw std::system_error(error, std::system_category(), words[0]);
  }

  pid_t pid_ = -1;
  unique_fd to_;
  unique_fd from_;
  std::string read_;
};

// The numbers of an answer.
template <typename Number>
std::vector<Number> numbers_of(const std::string& answer) {
  std::istringstream words(answer);
  std::vector<Number> numbers;
  for (Number number{}; words >> number;) numbers.push_back(number);
  return numbers;
}

}  // namespace conduit::test
