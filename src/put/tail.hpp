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

  // Of a compressed file, else null.
  std::shared_ptr<file_frames> frames;
  codec::growing_table table;  // of these frames
  std::uint64_t stands = 0;    // bytes at `end` that are a table; 0 in a file of 0 bytes
  bool table_due = false;      // the table does not stand, or something else lies behind it

  std::uint64_t plain_end() const { return frames ? frames->plain_size() : end; }
};

// What a compressed file turned out to be.
struct tail_findings {
  std::error_code error;             // of the operating system: it says nothing of the file
  std::optional<std::string> doubt;  // why the file must not be appended to
  std::optional<std::uint64_t> cut;  // a torn tail was cut there
};

// Walks the frames of a compressed mutable file, from what is known of it, and makes `at` its end.
// Where it ends in a torn tail, provably, because a record of this boot says that nothing was
// acknowledged beyond `recorded_end`: cuts it there and writes the table. Blocking.
tail_findings examine_frames(io::file_io& disk, tail& at,
                             std::optional<std::uint64_t> recorded_end);

// The file ends as this process left it: its own table stands at `end`. The size alone proves
// nothing, since a frame that was written over a table can leave it as it was. Needs the file's
// size now; two small reads.
bool table_stands(io::file_io& disk, const tail& at, std::uint64_t size_now);

// Writes the table of the frames that are known behind them, and cuts off what a failed append left
// there; nothing where it stands. On an error the file is cut at the end of its frames if that can
// be done, and the table stays due: the next holder writes it.
std::error_code finish_table(io::file_io& disk, tail& at);

}  // namespace conduit::detail
