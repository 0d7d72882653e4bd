// Finds the frames of a compressed file, from its seek table or by walking the file. Blocking: for
// helper threads.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <system_error>

#include "codec/frame_index.hpp"
#include "codec/frame_walk.hpp"
#include "io/file_io.hpp"

namespace conduit::files {

struct loaded_frames {
  codec::frame_index frames;
  std::uint64_t file_size = 0;  // bytes, at the time of the look
  // `complete`: the table stands at the end of the frames. `table_missing`: the file ends there.
  // `bad`: the bytes there are no whole frame.
  codec::walk_state state = codec::walk_state::complete;
};

// Reads the seek table as it stands. `errc::corrupt` if there is none; other errors are the
// operating system's.
std::error_code load_seek_table(io::file_io& disk, int fd, loaded_frames& found);

// Checks that the frames' own headers and blocks agree with a table: a blob may look like one.
// `errc::corrupt` if they do not. Costs a small read for each frame, except the first ones, which
// are `known` already.
std::error_code check_frame_headers(io::file_io& disk, int fd, const loaded_frames& found,
                                    const codec::frame_index& known = {});

// Both: reads the seek table and trusts it only if the frames' own headers and blocks agree with
// it. `errc::corrupt` if the file has no table to trust.
std::error_code read_seek_table(io::file_io& disk, int fd, loaded_frames& found,
                                const codec::frame_index& known = {});

// Decodes the file from its first byte and accepts whole frames. A file that ends in something else
// is not an error, see `state`. An error of the operating system, or lack of memory, says nothing
// about the file. If `go_on` is set it is polled between reads; false ends the walk with
// `operation_aborted`. `known`: the first frames, walked before and unchanged since.
std::error_code walk_frames(io::file_io& disk, int fd, loaded_frames& found,
                            const std::function<bool()>& go_on = {}, codec::frame_index known = {});

// Tells whether the file ends within the frame that begins at `at`, by that frame's own headers: a
// torn frame, or a part of a table. False if no frame begins there, and for a frame that is there
// to its end, valid or not.
std::error_code ends_within_frame(io::file_io& disk, int fd, std::uint64_t at,
                                  std::uint64_t file_size, bool& torn);

}  // namespace conduit::files
