// The data files that one context has open for reading. Each context has its own, so that threads
// do not contend for the kernel's counters of an open file.
#pragma once

#include <memory>
#include <mutex>
#include <system_error>
#include <unordered_map>
#include <utility>
#include <vector>

#include "files/data_file.hpp"
#include "files/file_at_hand.hpp"
#include "io/file_io.hpp"

namespace conduit::detail {

// The effort that opening a file may cost.
enum class open_effort : std::uint8_t {
  cached_only,  // only what the kernel knows without a disk access
  may_block,
  may_compare  // may compare both forms of a number, to their last byte
};

class open_files {
 public:
  // Keeps at most `limit` files open besides those that running reads hold.
  open_files(io::file_io& disk, int directory, std::size_t limit)
      : disk_(disk), directory_(directory), limit_(limit) {}

  // The open file, or null.
  std::shared_ptr<data_file> find(std::uint32_t number);

  // Calls `read` with the open file if that is plain, was found several times in a row, and is free
  // at the moment. `read` must not wait.
  template <typename Read>
  bool with_file_at_hand(std::uint32_t number, Read read) noexcept {
    return at_hand_.with(number, std::move(read));
  }

  // Opens the file and keeps it; `direct`: with O_DIRECT if the file system supports it. Errors:
  // EAGAIN (system category) if `effort` does not suffice; `no_such_file`; `not_a_regular_file`;
  // `corrupt` if both forms exist and differ; or an error of the operating system.
  std::shared_ptr<data_file> open(std::uint32_t number, bool direct, open_effort effort,
                                  std::error_code& error);

  // Reads find the open file no more.
  void forget(std::uint32_t number);
  // Removes the files that were forgotten, or that any process has deleted. The caller drops them
  // outside all locks, so that their space is freed: the ring that knows a file by a number makes
  // that wait for a read that it is just copying.
  std::vector<std::shared_ptr<data_file>> take_deleted();

 private:
  struct entry {
    std::shared_ptr<data_file> file;
    bool used = true;  // since the hand of the clock last passed
    bool forgotten = false;
  };

  // The result of comparing both forms of a number.
  struct verdict {
    io::file_status plain;
    io::file_status compressed;
    bool equal = false;
  };

  std::error_code judge_forms(std::uint32_t number, open_effort effort);
  std::shared_ptr<data_file> open_form(files::file_id file, bool direct, io::open_patience patience,
                                       std::error_code& error);
  void make_room();

  io::file_io& disk_;
  const int directory_;
  const std::size_t limit_;
  std::mutex judging_;  // one comparison at a time; taken before `mutex_`
  std::mutex mutex_;
  std::unordered_map<std::uint32_t, entry> files_;
  std::unordered_map<std::uint32_t, verdict> verdicts_;
  file_at_hand at_hand_;   // set under the lock
  entry* last_ = nullptr;  // found last: most reads of a burst use one file
  std::uint32_t last_number_ = 0;
  unsigned in_a_row_ = 0;  // times that it was found again
};

}  // namespace conduit::detail
