// Distinguishes a compressed file with a torn end, from a kill or a power failure, from a damaged
// one: only the torn one can be mended without a loss. Blocking: for helper threads.
#pragma once

#include <conduit/reports.hpp>
#include <cstdint>
#include <system_error>

#include "codec/frame_index.hpp"
#include "io/file_io.hpp"

namespace conduit::files {

struct examined_file {
  recovery outcome = recovery::nothing_to_do;
  codec::frame_index frames;    // all whole frames, up to the first that is not
  std::uint64_t file_size = 0;  // bytes
};

// Walks the file. `mended` means that it can be mended: behind its whole frames the file ends, or a
// frame or table begins within which the file ends, or there are only zero bytes, which a file
// system leaves for data that was never written. `damaged`: something else stands there, and whole
// frames may follow. Errors are those of the operating system.
std::error_code examine_file(io::file_io& disk, int fd, examined_file& found);

// The same as a report for people.
recovery_report report_of(const examined_file& found) noexcept;

}  // namespace conduit::files
