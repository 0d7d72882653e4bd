// A plain file becomes a compressed one: frames of one size, and their table.
#pragma once

#include <conduit/reports.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <system_error>

#include "io/file_io.hpp"

namespace conduit::detail {

// Reads the first `plain_size` bytes of `from` and writes all of `to`, which is empty; frame size
// and level come in `result`, which gets the rest. Each frame is decoded again and compared before
// it counts: the plain file will be removed. Memory: three frames and a megabyte.
//
// `errc::corrupt` where the plain file is shorter by now, or a frame does not decode to what it was
// made of; `operation_aborted` as soon as `go_on`, asked for each frame, says no. Blocking. Syncs
// on the way, so that the caller's sync has little left.
std::error_code write_frame_file(io::file_io& disk, int from, std::uint64_t plain_size, int to,
                                 const std::function<bool()>& go_on, file_compression& result);

}  // namespace conduit::detail
