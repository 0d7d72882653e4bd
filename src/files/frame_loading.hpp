// Finds out from a compressed file itself which frames it has: from its seek table, or by walking.
// Blocking: for helper threads.
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
  std::uint64_t file_size = 0;  // bytes, as the file was when it was looked at
  // `complete`: the table stands where the frames end. `table_missing`: the file ends there. `bad`:
  // what stands there is no whole frame.
  codec::walk_state state = codec::walk_state::complete;
};

// The seek table as it stands there. `errc::corrupt` where there is none; else what the operating
// system says.
std::error_code load_seek_table(io::file_io& disk, int fd, loaded_frames& found);

// Whether the frames' own headers and blocks agree with a table: a blob may hold what looks like
// one. `errc::corrupt` where they do not. Costs a small read a frame, but for the first ones that
// are `known` already.
std::error_code check_frame_headers(io::file_io& disk, int fd, const loaded_frames& found,
                                    const codec::frame_index& known = {});

// Both: reads the seek table and believes it only where the frames' own headers and blocks agree
// with it. `errc::corrupt` where the file has no table to believe.
std::error_code read_seek_table(io::file_io& disk, int fd, loaded_frames& found,
                                const codec::frame_index& known = {});

// Decodes the file from its first byte and accepts what is whole. Not an error: a file that ends in
// something else, see `state`. An error of the operating system, or lack of memory, says nothing of
// the file. `go_on`, where there is one, is asked between reads; false ends the walk with
// `operation_aborted`. `known`: the first frames, walked before and unchanged since.
std::error_code walk_frames(io::file_io& disk, int fd, loaded_frames& found,
                            const std::function<bool()>& go_on = {}, codec::frame_index known = {});

// Whether the file ends within the frame that begins at `at`, by that frame's own headers: a torn
// one, or a table of which a part stands. False for what is no frame, and for a frame that is there
// to its end, whatever it is worth.
std::error_code ends_within_frame(io::file_io& disk, int fd, std::uint64_t at,
                                  std::uint64_t file_size, bool& torn);

}  // namespace conduit::files
