#include "simulation/players/original_player.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <string>

#include "base/unique_fd.hpp"
#include "files/file_name.hpp"
#include "simulation/players/crash_report.hpp"
#include "simulation/players/ledger.hpp"
#include "simulation/world/processes.hpp"
#include "simulation/world/tasks.hpp"
#include "support/bytes.hpp"

namespace conduit::simulation {

namespace {

constexpr std::uint64_t max_file_size = 5000;

// As its library takes it: asks, and sleeps a little longer each time.
class polled_lock {
 public:
  explicit polled_lock(short type)
      : fd_(::open("/world/store.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
    long pause = 10 * millisecond;
    while (set(type) != 0) {
      const timespec time{0, pause};
      ::nanosleep(&time, nullptr);
      pause = std::min(pause + 10 * millisecond, 100 * millisecond);
    }
  }
  polled_lock(const polled_lock&) = delete;
  polled_lock& operator=(const polled_lock&) = delete;
  ~polled_lock() { set(F_UNLCK); }

 private:
  int set(short type) const noexcept {
    struct flock whole{};
    whole.l_type = type;
    return ::fcntl(fd_.get(), F_OFD_SETLK, &whole);
  }

  const unique_fd fd_;
};

std::string path_of(std::uint32_t number) {
  return "/world/store/" + std::string(files::file_name(number).text());
}

std::uint64_t size_of(const std::string& path) {
  struct stat found{};
  return ::lstat(path.c_str(), &found) == 0 ? static_cast<std::uint64_t>(found.st_size)
                                            : UINT64_MAX;
}

class original {
 public:
  // At every start it makes file 0, whatever other files there are.
  original() {
    ::mkdir("/world/store", 0700);
    const polled_lock lock(F_WRLCK);
    const inode* const store = look_up("/store");
    // Its maker could not sync it: it is gone again, and a program that wants it ends.
    if (store == nullptr) exit_here();
    const unique_fd first(::open(path_of(0).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (first) ::fsync(first.get());
    for (const auto& [name, target] : store->names) {
      const auto file = files::parse_file_name(name);
      if (file) number_ = std::max(number_, file->number);
    }
  }

  void put(std::uint64_t bytes) {
    const std::uint64_t seed = new_blob();
    const std::string blob = test::bytes_of(seed, bytes);
    const polled_lock lock(F_WRLCK);
    leave_full_file();
    const unique_fd file(::open(path_of(number_).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!file) return;
    data_location where;
    where.file_number = number_;
    where.start = size_of(path_of(number_));
    where.end = where.start + blob.size();
    const iovec part{const_cast<char*>(blob.data()), blob.size()};
    const ssize_t written = ::pwritev(file.get(), &part, 1, static_cast<off_t>(where.start));
    if (written == static_cast<ssize_t>(blob.size())) acknowledge_original(where, seed);
  }

  void get() {
    const auto& promises = the_ledger().promises;
    if (promises.empty()) return;
    const std::size_t which = random_below(promises.size());
    const promise known = promises[which];
    const nanoseconds begun = the_world().now;
    const polled_lock lock(F_RDLCK);
    const unique_fd file(::open(path_of(known.where.file_number).c_str(), O_RDONLY | O_CLOEXEC));
    std::string bytes(known.where.size(), '\0');
    const ssize_t count = file ? ::pread(file.get(), bytes.data(), bytes.size(),
                                         static_cast<off_t>(known.where.start))
                               : -1;
    const bool whole = count == static_cast<ssize_t>(bytes.size());
    const bool right = whole && bytes == test::bytes_of(known.seed, known.where.size());
    if (!right && known.cached && is_binding(promises[which]) && !troubled_since(begun)) {
      complain("an original does not find " + known.where.to_string());
    }
  }

 private:
  // It leaves its file only when that is full, for the next one that is missing or not full.
  void leave_full_file() {
    if (size_of(path_of(number_)) < max_file_size) return;
    for (;;) {
      ++number_;
      const std::uint64_t size = size_of(path_of(number_));
      if (size == UINT64_MAX || size < max_file_size) return;
    }
  }

  std::uint32_t number_ = 0;
};

}  // namespace

void play_original() {
  seat& own = the_ledger().seats[current_process().number];
  own.busy = true;
  current_process().syncs_under_lock = true;
  {
    const shelter no_faults;
    original self;
    own.busy = false;
    for (;;) {
      while (own.steps.empty()) park(channel_of(&own.steps));
      const step next = own.steps.front();
      own.steps.pop_front();
      own.busy = true;
      if (next.what == verb::finish) break;
      for (std::uint64_t i = 0; i < std::min<std::uint64_t>(next.with[1], 5); ++i) {
        if (next.what == verb::put) self.put(1 + next.with[2] % 3000);
        if (next.what == verb::get) self.get();
      }
      own.busy = false;
    }
  }
  own.busy = false;
  exit_here();
}

}  // namespace conduit::simulation
