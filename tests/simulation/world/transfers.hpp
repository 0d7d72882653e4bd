// Bytes between a process and its files, as every call does it: in steps, between which others may
// run or the process may die.
#pragma once

#include <sys/uio.h>

#include <cstdint>

#include "simulation/world/descriptions.hpp"
#include "simulation/world/faults.hpp"

namespace conduit::simulation {

std::uint64_t bytes_of(const iovec* parts, std::uint64_t count) noexcept;

// Single attempts: a count, or a negative errno.
std::int64_t read_into(const open_file& from, kernel_call as, void* to, std::uint64_t size,
                       std::uint64_t offset);
// The next bytes behind the first `done`; `offset` is that of the whole write.
std::int64_t write_step(open_file& to, kernel_call as, const iovec* parts, std::uint64_t count,
                        std::uint64_t offset, std::uint64_t done);
std::int64_t write_all(open_file& to, kernel_call as, const iovec* parts, std::uint64_t count,
                       std::uint64_t offset);
std::int64_t sync_file(open_file& file, kernel_call as);
// How long a sync takes this time.
nanoseconds time_of_sync(const inode& file);

}  // namespace conduit::simulation
