// Simulated processes: their descriptors, their deaths.
#pragma once

#include <string_view>

#include "simulation/world/descriptions.hpp"

namespace conduit::simulation {

// Descriptors of the simulated kernel begin here: what is below is the real one's.
inline constexpr int first_descriptor = 10'000;

process& add_process(std::string_view name);
// Null where it is none of ours.
description* description_of(int fd) noexcept;
template <typename Kind>
Kind* description_as(int fd) noexcept {
  return dynamic_cast<Kind*>(description_of(fd));
}

// The lowest free number, or a negative errno: the description is gone then.
std::int64_t add_descriptor(description* what);
// At this number, whatever had it.
void put_descriptor(int fd, description* what);
std::int64_t close_descriptor(int fd);
// The child gets all that the parent has.
void copy_descriptors(const process& parent, process& child);

// Before the calling process opens a file for writing, or changes a name.
void note_writer();

// All that the kernel knows of it goes; its threads never run again. `how` is for the story.
void bury(process& dead, std::string_view how);
// The calling process is killed within the call that it makes.
[[noreturn]] void die_here(process& self);
// The calling process ends by itself.
[[noreturn]] void exit_here();

}  // namespace conduit::simulation
