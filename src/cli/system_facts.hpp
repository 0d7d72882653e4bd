// What the operating system tells about itself and about a path: the facts behind `ffdb doctor`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <sys/resource.h>

namespace conduit::cli {

std::string kernel_release();

// The soft limit (RLIMIT_NOFILE, RLIMIT_MEMLOCK); none: unlimited.
std::optional<std::uint64_t> soft_limit(decltype(RLIMIT_NOFILE) resource);

// /proc/sys/kernel/io_uring_disabled: 0 allowed, 1 for few, 2 forbidden; none where the kernel has
// no such switch.
std::optional<int> io_uring_disabled();

// The name of the file system under `path`, which need not exist as long as its directory does.
std::string file_system_of(const std::string& path);

}  // namespace conduit::cli
