// What the store tells about itself: its files, its counters, and the outcome of a check.
#pragma once

#include <conduit/options.hpp>
#include <cstddef>
#include <cstdint>
#include <string>
#include <system_error>
#include <vector>

namespace conduit {

enum class file_form { plain, zstd };

struct file_info {
  std::uint32_t number = 0;
  file_form form = file_form::plain;
  bool sealed = false;             // false: the mutable file
  std::uint64_t plain_bytes = 0;   // of user data
  std::uint64_t stored_bytes = 0;  // of the file on disk
};

// One fault that `verify` found.
struct verify_fault {
  std::uint32_t file = 0;
  std::uint64_t frame = 0;   // index of the frame; 0 in a plain file
  std::uint64_t offset = 0;  // stored bytes from the file's start
  std::error_code error;
};

struct verify_report {
  std::uint64_t bytes = 0;   // stored bytes that were read
  std::uint64_t frames = 0;  // 0 in a plain file
  std::vector<verify_fault> faults;
};

enum class recovery {
  nothing_to_do,  // every frame is whole and the table names them all; or the file is plain
  mended,  // the file's end was torn off; it was cut behind its last whole frame and got a table
  damaged  // there is a bad frame that others may follow: left as it is
};

// What `recover_file` did, or `examine_file` found that it would do.
struct recovery_report {
  recovery outcome = recovery::nothing_to_do;
  std::uint64_t frames = 0;  // whole ones, before the first that is not
  std::uint64_t offset =
      0;  // stored bytes of these: where the file was cut, or where it is damaged
  std::uint64_t cut_bytes = 0;  // stored bytes behind them that were no whole frame
};

// What compression made of one data file, or of several together. What the original's
// CompressionStats calls filename, uncompressed_size, compressed_size, max_window_size and
// zstandard_level are here number, plain_bytes, stored_bytes, frame_bytes and level; its
// fraction_of_compressed_size is 1 / ratio().
struct file_compression {
  std::uint32_t number = 0;       // 0 for several
  std::uint64_t plain_bytes = 0;  // that went in
  std::uint64_t stored_bytes =
      0;  // that came out: frames, and the seek table of a file that was compressed as a whole
  std::uint64_t frames = 0;
  std::uint64_t encode_us = 0;  // microseconds that encoding took, over all threads
  std::size_t frame_bytes = 0;  // plain bytes of a frame at most; 0, as level and time, where
                                // another process compressed the file
  int level = 0;                // of zstd

  // Plain bytes for one stored byte; 1 where nothing is stored.
  double ratio() const noexcept {
    return stored_bytes == 0 ? 1.0
                             : static_cast<double>(plain_bytes) / static_cast<double>(stored_bytes);
  }
};

// What this store has compressed since `open`.
struct compression_report {
  std::vector<file_compression>
      files;             // in order of their numbers; of more than 1,024 those with the highest
  file_compression sum;  // of all
};

// Counters since `open`, over all contexts. Each is exact; together they are not one moment.
struct store_stats {
  std::uint64_t gets = 0;            // that read all their bytes: the two below together
  std::uint64_t get_bytes = 0;       // they returned
  std::uint64_t inline_reads = 0;    // served from the page cache without the ring or a thread
  std::uint64_t async_reads = 0;     // went through the ring or a thread
  std::uint64_t cache_hits = 0;      // frames of compressed files that were in the frame cache
  std::uint64_t cache_misses = 0;    // frames that were decoded into it
  std::uint64_t frames_decoded = 0;  // by gets, whole or in part
  std::uint64_t decode_us = 0;       // microseconds that took, over all threads
  std::uint64_t puts = 0;            // blobs acknowledged
  std::uint64_t put_bytes = 0;       // of those
  std::uint64_t batches = 0;         // that carried them, each under one lock
  std::uint64_t inline_appends = 0;  // batches written by pwritev on the loop's thread
  std::uint64_t ring_appends = 0;  // batches written through the backend (io_uring, or its threads)
  std::uint64_t syncs = 0;         // of data files, by durable batches and by `sync`
  std::uint64_t put_queue_waits = 0;  // puts that found the queue full
  std::uint64_t lock_waits =
      0;  // tenures for which another process, or our own compression, had to be waited for
  std::uint64_t lock_wait_us = 0;  // microseconds, over all of these
  std::uint64_t rolls = 0;         // asked for by `roll`
  std::uint64_t files_compressed =
      0;  // sealed ones, by this store, in the background or by `compress_file`
  std::uint64_t compression_backlog =
      0;  // sealed plain files that `zstd_on_seal` had still to compress, when it last looked
  conduit::backend backend =
      backend::automatic;      // of this handle's context: `io_uring` or `threads`
  std::string backend_reason;  // why that one
};

}  // namespace conduit
