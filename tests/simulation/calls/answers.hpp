// How the simulated kernel's answers become those of the C library.
#pragma once

#include <cerrno>
#include <cstdint>
#include <ctime>

#include "simulation/world/world.hpp"

namespace conduit::simulation {

// A count, or -1 and errno.
template <typename Result = int>
Result answered(std::int64_t result) noexcept {
  if (result >= 0) return static_cast<Result>(result);
  errno = static_cast<int>(-result);
  return -1;
}

// One boot begins at this time of day, the next an hour later.
inline constexpr std::int64_t first_boot_seconds = 1'700'000'000;

inline nanoseconds offset_of(clockid_t clock) noexcept {
  return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE
             ? (first_boot_seconds + static_cast<std::int64_t>(the_world().boots) * 3600) * second
             : 0;
}

inline timespec time_of(clockid_t clock, nanoseconds moment) noexcept {
  const nanoseconds shown = moment + offset_of(clock);
  return {shown / second, shown % second};
}

inline nanoseconds moment_of(clockid_t clock, const timespec& time) noexcept {
  return time.tv_sec * second + time.tv_nsec - offset_of(clock);
}

}  // namespace conduit::simulation
