// The open end of the mutable file: where the next append goes.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <system_error>

#include "codec/seek_table.hpp"
#include "files/file_frames.hpp"
#include "io/file_io.hpp"
#include "store/unsynced_files.hpp"

namespace conduit::detail {

struct tail {
  std::shared_ptr<append_file> file;
  io::file_status identity;
  std::uint64_t end = 0;  // bytes; the next append goes here, over the table of a compressed file

  // Null for a plain file.
  std::shared_ptr<file_frames> frames;
  codec::growing_table table;  // of these frames
  std::uint64_t stands = 0;    // bytes at `end` that are a table; 0 in a file of 0 bytes
  bool table_due = false;      // the table does not stand, or something else lies behind it

  std::uint64_t plain_end() const { return frames ? frames->plain_size() : end; }
};

// The findings about a compressed file.
struct tail_findings {
  std::error_code error;             // of the operating system; it says nothing about the file
  std::optional<std::string> doubt;  // why the file must not be appended to
  std::optional<std::uint64_t> cut;  // where a torn tail was cut
};

// Walks the frames of a compressed mutable file, starting from the known ones, and makes `at` its
// end. Cuts a torn tail and writes the table if a record of this boot proves that nothing beyond
// `recorded_end` was acknowledged. Blocking.
tail_findings examine_frames(io::file_io& disk, tail& at,
                             std::optional<std::uint64_t> recorded_end);

// True if the file ends as this process left it: its own table stands at `end`. The size alone
// proves nothing, since a frame written over a table can leave it unchanged. Needs the file's
// current size; makes two small reads.
bool table_stands(io::file_io& disk, const tail& at, std::uint64_t size_now);

// Writes the table behind the known frames, and cuts off the rest of a failed append; does nothing
// if the table stands. On an error it cuts the file at the end of its frames if possible, and the
// table stays due: the next holder writes it.
std::error_code write_table(io::file_io& disk, tail& at);

}  // namespace conduit::detail
