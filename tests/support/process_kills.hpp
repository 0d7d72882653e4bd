// The kill bar: several processes work on one store, one after another of them is killed and
// replaced, and in the end every blob that was acknowledged is read back.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <system_error>
#include <tuple>
#include <vector>

#include "base/unique_fd.hpp"
#include "files/file_name.hpp"
#include "support/child_process.hpp"
#include "support/process_journal.hpp"
#include "support/process_load.hpp"
#include "support/run_loop.hpp"

namespace conduit::test {

struct kill_settings {
  options store;
  load_settings load;
  std::uint32_t processes = 8;
  std::uint64_t seed = 0;
  // When one is killed: after so many operations of all of them, or after so many milliseconds. 0:
  // not by that.
  std::uint64_t kill_every_operations = 0;
  int kill_every_ms = 0;
};

struct kill_outcome {
  std::vector<std::string> failures;  // empty: no acknowledged blob lost or wrong, no call failed
  std::uint64_t kills = 0;
  std::uint64_t operations = 0;  // that ended
  std::uint64_t blobs = 0;       // acknowledged
  std::uint64_t blobs_deleted = 0;
  std::uint64_t reads_checked = 0;  // while others wrote
  std::uint64_t files = 0;          // left in the end
  std::uint64_t files_deleted = 0;
  std::uint64_t rolls = 0;
  std::uint64_t syncs = 0;
};

// ---- what stands in the store when nobody works on it any more

namespace kills_detail {

inline void check_overlaps(std::vector<stored_blob> blobs, std::vector<std::string>& failures) {
  const auto place = [](const stored_blob& blob) {
    return std::tuple(blob.where.file_number, blob.where.start, blob.where.end);
  };
  std::sort(blobs.begin(), blobs.end(),
            [&](const stored_blob& a, const stored_blob& b) { return place(a) < place(b); });
  for (std::size_t i = 1; i < blobs.size(); ++i) {
    const data_location& before = blobs[i - 1].where;
    const data_location& after = blobs[i].where;
    if (before.file_number == after.file_number && before.end > after.start) {
      failures.push_back("two blobs share bytes: " + before.to_string() + " and " +
                         after.to_string());
    }
  }
}

// A Python process takes every name in the directory for a data file's.
inline void check_names(const std::filesystem::path& directory,
                        std::vector<std::string>& failures) {
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    const std::string name = entry.path().filename().string();
    if (!files::parse_file_name(name)) failures.push_back("left in the directory: " + name);
  }
}

inline asio::awaitable<void> check_blobs(flat_file_db db, const process_journal& log,
                                         const std::vector<stored_blob>& blobs,
                                         std::vector<std::string>& failures, kill_outcome& counts) {
  for (const stored_blob& stored : blobs) {
    const std::uint32_t file = stored.where.file_number;
    std::string found;
    try {
      const blob got = co_await db.get(stored.where);
      if (got.text() != bytes_of(stored.seed, stored.where.size())) found = "wrong bytes";
      if (log.deleted(file)) found = "still there although its file was deleted";
    } catch (const std::system_error& failure) {
      const bool gone = failure.code() == errc::no_such_file && log.deletions_begun(file) != 0;
      if (gone) {
        ++counts.blobs_deleted;
      } else {
        found = failure.what();
      }
    }
    if (!found.empty()) failures.push_back(stored.where.to_string() + ": " + found);
  }
}

// The lock is free, a put works, and it takes nobody's place.
inline void check_store(const options& how, const process_journal& log, kill_outcome& outcome) {
  std::vector<stored_blob> blobs = log.blobs();
  outcome.blobs = blobs.size();
  asio::io_context context;
  const flat_file_db db = flat_file_db::open(context, how);
  const std::string last = bytes_of(1, 1000);
  blobs.push_back({1, run(context, db.put(asio::buffer(last)))});
  run(context, check_blobs(db, log, blobs, outcome.failures, outcome));
  check_overlaps(blobs, outcome.failures);
  check_names(how.data_directory, outcome.failures);
  outcome.files = run(context, db.files()).size();
}

}  // namespace kills_detail

// ---- the processes

class kill_bar {
 public:
  explicit kill_bar(const kill_settings& how)
      : how_(how), log_(how.load.operations * 8 + 8), random_(how.seed), workers_(how.processes) {
    int ends[2] = {-1, -1};
    if (::pipe2(ends, O_CLOEXEC) != 0)
      throw std::system_error(errno, std::system_category(), "pipe2");
    notices_ = unique_fd(ends[0]);
    notify_ = unique_fd(ends[1]);
  }

  kill_outcome run() {
    for (std::uint32_t i = 0; i < how_.processes; ++i) begin(i);
    while (!done()) {
      if (wait_for_next_kill()) replace(static_cast<std::uint32_t>(random_() % how_.processes));
    }
    for (auto& worker : workers_) ended_by_itself(worker->wait());
    outcome_.failures = log_.failures();
    kills_detail::check_store(how_.store, log_, outcome_);
    outcome_.operations = progress_->ended;
    outcome_.reads_checked = progress_->reads_checked;
    outcome_.files_deleted = progress_->files_deleted;
    outcome_.rolls = progress_->rolls;
    outcome_.syncs = progress_->syncs;
    return outcome_;
  }

 private:
  bool done() const { return progress_->begun >= how_.load.operations; }

  void begin(std::uint32_t index) {
    const std::uint64_t seed = random_();
    auto body = [this, seed] {
      process_load load(how_.load, log_, *progress_, seed,
                        [this](std::uint64_t ended) { notice(ended); });
      return load.run(how_.store);
    };
    workers_[index] = std::make_unique<child_process>(body);
  }

  // In a worker: whenever it is time for a kill by operations, and when the last operation has
  // begun.
  void notice(std::uint64_t ended) const {
    const bool kill_is_due =
        how_.kill_every_operations != 0 && ended % how_.kill_every_operations == 0;
    if (!kill_is_due && !done()) return;
    const char byte = 'n';
    // Nobody reads any more where it fails.
    static_cast<void>(!::write(notify_.get(), &byte, 1));
  }

  // False if there is nothing to kill for: the work is done.
  bool wait_for_next_kill() const {
    pollfd ready{notices_.get(), POLLIN, 0};
    const int timeout = how_.kill_every_ms != 0 ? how_.kill_every_ms : -1;
    const int count = ::poll(&ready, 1, timeout);
    if (count > 0) {
      char byte = 0;
      static_cast<void>(!::read(notices_.get(), &byte, 1));
    }
    return !done();
  }

  void replace(std::uint32_t index) {
    workers_[index]->kill();
    const int status = workers_[index]->wait();
    if (status == 128 + SIGKILL) {
      ++outcome_.kills;
    } else {
      ended_by_itself(status);
    }
    begin(index);
  }

  void ended_by_itself(int status) {
    if (status != 0) log_.failed("a process ended with status " + std::to_string(status));
  }

  kill_settings how_;
  process_journal log_;
  shared_memory<load_progress> progress_;
  std::mt19937_64 random_;
  std::vector<std::unique_ptr<child_process>> workers_;
  unique_fd notices_;
  unique_fd notify_;
  kill_outcome outcome_;
};

}  // namespace conduit::test
