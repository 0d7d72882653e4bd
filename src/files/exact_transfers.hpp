// Whole transfers, blocking: short transfers and interruptions are retried.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <system_error>

#include "io/file_io.hpp"

namespace conduit::files {

// Reads bytes from `offset` on, until `to` is full or the file ends: `count` of them.
std::error_code read_up_to(io::file_io& disk, int fd, std::span<std::byte> to, std::uint64_t offset,
                           std::size_t& count, io::cache_use use = io::cache_use::keep);

// Fills `to` from `offset`; `errc::corrupt` if the file ends before.
std::error_code read_exact(io::file_io& disk, int fd, std::span<std::byte> to,
                           std::uint64_t offset);

// Writes all of `bytes` at `offset`. After an error any part of it may have been written.
std::error_code write_exact(io::file_io& disk, int fd, std::span<const std::byte> bytes,
                            std::uint64_t offset);

}  // namespace conduit::files
