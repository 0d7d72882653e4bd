// Events for a log: something the store noticed or mended that no error code can report.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <system_error>

namespace conduit {

struct event {
  enum class kind {
    backend_chosen,  // which backend serves a context, and why not io_uring
    file_begun,      // a new mutable file, and why the last one was left
    file_in_doubt,   // a compressed file that will not be written again, and why; puts go to the
                     // next one
    tail_mended,   // a compressed file that a killed writer left torn was cut behind its last whole
                   // frame
    write_failed,  // an append failed: the file, the offset, the errno, and whether the file was
                   // cut back or left
    sync_failed,   // a sync of the file, or of the directory, failed: the file is poisoned
    lock_waited_for,      // a call, or the compression, has waited for the lock for a second: the
                          // process that has it may be stopped
    lock_file_replaced,   // the lock file was unlinked or replaced in use; the store uses the
                          // file that stands there now
    foreign_object,       // a link, FIFO or directory under a data file's name; it is skipped
    file_compressed,      // a sealed plain file was replaced by its compressed form
    file_not_compressed,  // compression failed: the plain file stays in use; `error` says why
    data_corrupt  // a frame of a compressed file is not what was stored: which file, and where the
                  // frame begins
  };

  kind what;
  std::string message;            // a sentence that names the file and the remedy
  std::uint32_t file_number = 0;  // also 0 if no file is meant
  std::uint64_t offset = 0;       // bytes; 0 if none is meant
  std::error_code error;          // the cause, if there is one
};

// Called from the thread that noticed, possibly from several at once, sometimes while the
// inter-process lock is held: it must be thread-safe and quick, and must not throw or call into the
// store.
using event_sink = std::function<void(const event&)>;

}  // namespace conduit
