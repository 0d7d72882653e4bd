// Tells a compressed file whose end was torn off, by a kill or a power failure, from one that is
// damaged: only the first can be mended without a loss. Blocking: for helper threads.
#pragma once

#include <conduit/reports.hpp>
#include <cstdint>
#include <system_error>

#include "codec/frame_index.hpp"
#include "io/file_io.hpp"

namespace conduit::files {

struct examined_file {
  recovery outcome = recovery::nothing_to_do;
  codec::frame_index frames;    // all that are whole, up to the first that is not
  std::uint64_t file_size = 0;  // bytes
};

// Walks the file. `mended` stands for "can be": behind its whole frames the file ends, or there
// begins a frame or table that it ends within, or there are only zero bytes, which a file system
// leaves for data that was never written. `damaged`: something else stands there, and whole frames
// may follow. Errors are those of the operating system.
std::error_code examine_file(io::file_io& disk, int fd, examined_file& found);

// The same for people.
recovery_report report_of(const examined_file& found) noexcept;

}  // namespace conduit::files
