// Turns a plain file into a compressed one: frames of one size, and their table.
#pragma once

#include <conduit/reports.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <system_error>

#include "io/file_io.hpp"

namespace conduit::detail {

// Reads the first `plain_size` bytes of `from` and writes all of `to`, which must be empty.
// `result` brings frame size and level, and receives the rest. Each frame is decoded again and
// compared before it counts: the plain file will be removed. Memory: three frames and a megabyte.
//
// `errc::corrupt` if the plain file is now shorter, or a frame does not decode to its source;
// `operation_aborted` once `go_on`, polled for each frame, returns false. Blocking. Syncs on the
// way, so that little is left for the caller's sync.
std::error_code write_frame_file(io::file_io& disk, int from, std::uint64_t plain_size, int to,
                                 const std::function<bool()>& go_on, file_compression& result);

}  // namespace conduit::detail
