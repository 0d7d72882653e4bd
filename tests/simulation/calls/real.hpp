// The real kernel and C library, below what stands in their place here.
#pragma once

#include <dlfcn.h>
#include <sys/syscall.h>

#include <cstdint>

// The function of that name that the next library has.
#define CONDUIT_REAL(name)                                                                       \
  ([]() noexcept {                                                                               \
    static const auto function = reinterpret_cast<decltype(&::name)>(::dlsym(RTLD_NEXT, #name)); \
    return function;                                                                             \
  }())

namespace conduit::simulation::real {

// A system call past everything, errno too: a negative errno, or the result.
long system_call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0,
                 long f = 0) noexcept;

inline long futex(std::uint32_t* word, int operation, std::uint32_t value) noexcept {
  return system_call(SYS_futex, reinterpret_cast<long>(word), operation, static_cast<long>(value));
}
// The same, for a second at most.
bool futex_wait_a_second(std::uint32_t* word, std::uint32_t value) noexcept;

// Seconds of a processor that the process has used.
double processor_time_of(int pid) noexcept;

// Nothing where there is no such process.
inline void kill_process(int pid) noexcept {
  if (pid > 0) system_call(SYS_kill, pid, 9);
}
// By a signal, or with status 0: without a destructor, and without a call that is answered here.
[[noreturn]] void end_process(int signal) noexcept;

}  // namespace conduit::simulation::real
