#include "simulation/calls/real.hpp"

#include <linux/futex.h>

#include <cerrno>
#include <ctime>

namespace conduit::simulation::real {

// Not by way of `syscall`, which is answered here as well.
long system_call(long number, long a, long b, long c, long d, long e, long f) noexcept {
  register long fourth asm("r10") = d;
  register long fifth asm("r8") = e;
  register long sixth asm("r9") = f;
  long result = 0;
  asm volatile("syscall"
               : "=a"(result)
               : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth), "r"(fifth), "r"(sixth)
               : "rcx", "r11", "memory");
  return result;
}

bool futex_wait_a_second(std::uint32_t* word, std::uint32_t value) noexcept {
  const timespec patience{1, 0};
  return system_call(SYS_futex, reinterpret_cast<long>(word), FUTEX_WAIT, static_cast<long>(value),
                     reinterpret_cast<long>(&patience)) != -ETIMEDOUT;
}

double processor_time_of(int pid) noexcept {
  // As clock_getcpuclockid(3) makes it.
  constexpr unsigned of_process = 2;
  const long clock = static_cast<long>((~static_cast<unsigned>(pid) << 3U) | of_process);
  timespec used{};
  system_call(SYS_clock_gettime, static_cast<int>(clock), reinterpret_cast<long>(&used));
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
}

void end_process(int signal) noexcept {
  if (signal != 0) system_call(SYS_kill, system_call(SYS_getpid), signal);
  for (;;) system_call(SYS_exit_group, 0);
}

}  // namespace conduit::simulation::real
