// The store's reports: its files, its counters, and the outcome of a check.
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
  damaged  // there is a bad frame, which others may follow: left as it is
};

// The result of `recover_file`, or the result that `examine_file` predicts for it.
struct recovery_report {
  recovery outcome = recovery::nothing_to_do;
  std::uint64_t frames = 0;     // whole frames before the first that is not
  std::uint64_t offset = 0;     // stored bytes of these: the file was cut, or is damaged, there
  std::uint64_t cut_bytes = 0;  // stored bytes behind them that were no whole frame
};

// The compression of one data file, or of several together. The fields number, plain_bytes,
// stored_bytes, frame_bytes and level correspond to filename, uncompressed_size, compressed_size,
// max_window_size and zstandard_level in the original's CompressionStats; its
// fraction_of_compressed_size is 1 / ratio().
struct file_compression {
  std::uint32_t number = 0;       // 0 for several
  std::uint64_t plain_bytes = 0;  // before compression
  std::uint64_t stored_bytes =
      0;  // after compression: frames, and the seek table of a file that was compressed as a whole
  std::uint64_t frames = 0;
  std::uint64_t encode_us = 0;  // microseconds of encoding, over all threads
  std::size_t frame_bytes = 0;  // plain bytes of a frame at most; 0, like level and time, if
                                // another process compressed the file
  int level = 0;                // zstd's

  // Plain bytes for one stored byte; 1 if nothing is stored.
  double ratio() const noexcept {
    return stored_bytes == 0 ? 1.0
                             : static_cast<double>(plain_bytes) / static_cast<double>(stored_bytes);
  }
};

// The compression that this store has done since `open`.
struct compression_report {
  std::vector<file_compression>
      files;             // ordered by number; of more than 1,024 files only the highest
  file_compression sum;  // of all
};

// Counters since `open`, over all contexts. Each is exact, but they are not from one moment.
struct store_stats {
  // Finished gets, and the reads that streams and `get_many` consist of: inline_reads +
  // async_reads.
  std::uint64_t gets = 0;
  std::uint64_t get_bytes = 0;       // bytes that these gets returned
  std::uint64_t inline_reads = 0;    // served from the page cache without the ring or a thread
  std::uint64_t async_reads = 0;     // went through the ring or a thread
  std::uint64_t cache_hits = 0;      // frames of compressed files that were in the frame cache
  std::uint64_t cache_misses = 0;    // frames that were decoded for the cache
  std::uint64_t frames_decoded = 0;  // by gets, whole or in part
  std::uint64_t decode_us = 0;       // microseconds of that decoding, over all threads
  std::uint64_t puts = 0;            // blobs acknowledged
  std::uint64_t put_bytes = 0;       // bytes of these blobs
  std::uint64_t batches = 0;         // writes of these blobs, each under one lock
  std::uint64_t inline_appends = 0;  // batches written by pwritev on the loop's thread
  std::uint64_t ring_appends = 0;  // batches written through the backend (io_uring, or its threads)
  std::uint64_t syncs = 0;         // syncs of data files, by durable batches and by `sync`
  std::uint64_t put_queue_waits = 0;  // puts that found the queue full
  std::uint64_t lock_waits =
      0;  // tenures of the lock that had to wait for another process or our own compression
  std::uint64_t lock_wait_us = 0;  // microseconds of these waits
  std::uint64_t rolls = 0;         // requested by `roll`
  std::uint64_t files_compressed =
      0;  // sealed files that this store compressed, in the background or by `compress_file`
  std::uint64_t compression_backlog =
      0;  // sealed plain files that `zstd_on_seal` still had to compress, at its last look
  conduit::backend backend =
      backend::automatic;      // of this handle's context: `io_uring` or `threads`
  std::string backend_reason;  // the reason for that one
};

}  // namespace conduit
