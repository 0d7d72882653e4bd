#include "support/thread_limit.hpp"

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <system_error>

namespace conduit::test {

namespace {

constexpr uid_t somebody = 54321;

void check(long result, const char* what) {
  if (result != 0) throw std::system_error(errno, std::system_category(), what);
}

// The limit is for neither the first user nor whoever may raise it.
void give_up_exemption() {
  if (::getuid() == 0)
    check(::setresuid(somebody, static_cast<uid_t>(-1), static_cast<uid_t>(-1)), "setresuid");
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> rights{};
  check(::syscall(SYS_capget, &header, rights.data()), "capget");
  for (const unsigned right : {unsigned{CAP_SYS_RESOURCE}, unsigned{CAP_SYS_ADMIN}})
    rights[right / 32].effective &= ~(1U << (right % 32));
  check(::syscall(SYS_capset, &header, rights.data()), "capset");
}

}  // namespace

thread_limit::thread_limit() {
  give_up_exemption();
  check(::getrlimit(RLIMIT_NPROC, &before_), "getrlimit");
}

void thread_limit::forbid() const {
  struct rlimit none = before_;
  none.rlim_cur = 0;
  check(::setrlimit(RLIMIT_NPROC, &none), "setrlimit");
}

void thread_limit::allow() const { check(::setrlimit(RLIMIT_NPROC, &before_), "setrlimit"); }

unsigned count_threads() {
  unsigned count = 0;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task"))
    count += thread.is_directory() ? 1U : 0U;
  return count;
}

}  // namespace conduit::test
