#include "support/child_process.hpp"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <exception>
#include <system_error>

namespace conduit::test {

namespace {

int guarded(const std::function<int()>& body) noexcept {
  try {
    return body();
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "the child threw: %s\n", failure.what());
    return child_threw;
  }
}

}  // namespace

child_process::child_process(const std::function<int()>& body) : pid_(::fork()) {
  if (pid_ < 0) throw std::system_error(errno, std::system_category(), "fork");
  if (pid_ != 0) return;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::_exit(guarded(body));
}

child_process::~child_process() {
  if (pid_ < 0) return;
  kill();
  wait();
}

int child_process::wait() {
  int status = 0;
  pid_t ended = -1;
  do {
    ended = ::waitpid(pid_, &status, 0);
  } while (ended < 0 && errno == EINTR);
  pid_ = -1;
  if (ended < 0) return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void child_process::kill() { ::kill(pid_, SIGKILL); }

int in_child(const std::function<int()>& body) { return child_process(body).wait(); }

}  // namespace conduit::test
