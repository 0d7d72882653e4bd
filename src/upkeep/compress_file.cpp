#include "upkeep/compress_file.hpp"

#include <asio/error.hpp>
#include <conduit/error.hpp>

#include <cerrno>
#include <new>
#include <optional>
#include <vector>

#include "base/fork_guard.hpp"
#include "base/os_error.hpp"
#include "base/unique_fd.hpp"
#include "files/both_forms.hpp"
#include "files/directory.hpp"
#include "files/frame_loading.hpp"
#include "files/spool_file.hpp"
#include "files/write_back.hpp"
#include "upkeep/frame_file.hpp"

namespace conduit::detail {

namespace {

// An original may append to a file that others consider sealed. It should not run here, but its
// bytes must not be lost.
constexpr int attempts_max = 4;

// Announces, for its lifetime, that the thread waits for the lock.
struct lock_wish {
  seal_queue& seals;
  explicit lock_wish(seal_queue& queue) noexcept : seals(queue) { seals.want_lock(true); }
  lock_wish(const lock_wish&) = delete;
  lock_wish& operator=(const lock_wish&) = delete;
  ~lock_wish() { seals.want_lock(false); }
};

class compression_of_file {
 public:
  compression_of_file(store_state& state, io::file_io& disk, lock::store_lock& lock,
                      low_priority_thread& encoder, const std::function<bool()>& go_on,
                      file_compression& result)
      : state_(state),
        disk_(disk),
        lock_(lock),
        encoder_(encoder),
        go_on_(go_on),
        result_(result),
        plain_name_(result.number, file_form::plain),
        compressed_name_(result.number, file_form::zstd) {}
  compression_of_file(const compression_of_file&) = delete;
  compression_of_file& operator=(const compression_of_file&) = delete;
  ~compression_of_file() { unlock(); }

  std::error_code run() {
    for (int attempt = 0; attempt < attempts_max; ++attempt) {
      std::error_code error = open_plain();
      if (error == errc::no_such_file) return measure_compressed();
      if (!error) error = look_beside();
      if (!error && !done_) error = write_and_replace();
      if (error || done_) return error;
    }
    return std::make_error_code(std::errc::text_file_busy);
  }

 private:
  // Opens the plain file and takes the lock that keeps other processes from compressing it too. The
  // description is not for reads of blobs: a lock could outlive this process in a ring that still
  // holds the file.
  std::error_code open_plain() {
    fork_guard_.replace(-1);
    plain_.reset();
    io::file_status named;
    const std::int64_t looked = status_of(plain_name_, named);
    if (looked == -ENOENT) return errc::no_such_file;
    if (looked < 0) return os_error(looked);
    if (!named.regular) return errc::not_a_regular_file;
    const std::int64_t fd =
        disk_.open(state_.directory.get(), plain_name_.c_str(), io::open_mode::read_write, 0);
    if (fd == -ENOENT) return errc::no_such_file;
    if (fd < 0) return os_error(fd);
    plain_ = unique_fd(static_cast<int>(fd));
    fork_guard_.replace(plain_.get());
    const std::int64_t locked = disk_.try_lock(plain_.get());
    if (locked == -EAGAIN || locked == -EACCES)
      return std::make_error_code(std::errc::device_or_resource_busy);
    if (locked < 0) return os_error(locked);
    const std::error_code error = os_error(disk_.status(plain_.get(), status_));
    if (error) return error;
    // The previous holder of this lock may have removed the file.
    return status_.links == 0 ? errc::no_such_file : std::error_code{};
  }

  // A compressed file that stands beside the plain one.
  std::error_code look_beside() {
    earlier_.reset();
    io::file_status beside;
    const std::int64_t looked = status_of(compressed_name_, beside);
    if (looked == -ENOENT) return {};
    if (looked < 0) return os_error(looked);
    if (!beside.regular) return errc::not_a_regular_file;
    if (beside.size == 0 && status_.size != 0) {
      // Its creation failed, and a power failure undid its removal.
      earlier_ = beside;
      return {};
    }
    files::form_comparison found;
    const std::error_code error = encoder_.run([&] { return compare_forms(found); });
    if (error || !found.both) return error;
    if (!found.equal) return errc::corrupt;
    if (status_.size == 0) return remove_empty_plain();
    // A process was killed between link and removal. A sync of the directory may have failed since
    // and lost the name of the compressed file, and the next sync would answer 0: do not believe
    // in it.
    earlier_ = found.compressed;
    return {};
  }

  // An original re-creates such a file at every start. But it may also be a file of empty blobs,
  // whose compressed form was left by a killed process: that one must be durable first.
  std::error_code remove_empty_plain() {
    std::error_code error = sync_compressed();
    if (!error) error = take_lock();
    if (!error) error = check_unchanged(*held_);
    if (!error && !changed_) error = held_->announce_change();
    if (!error && !changed_) error = sync_directory(*held_);
    if (!error && !changed_) error = remove_plain(*held_);
    unlock();
    return error || changed_ ? error : measure_compressed();
  }

  std::error_code write_and_replace() {
    files::spool_file spool(disk_);
    std::error_code error = check_sealed();
    if (!error) error = encoder_.run([&] { return write(spool); });
    // Also after a failed sync: no later one would report the loss, so the record has to.
    const std::error_code no_lock = error && !plain_lost_ ? std::error_code{} : take_lock();
    if (!error) error = no_lock;
    if (!error) error = check_unchanged(*held_);
    if (!error && !changed_) error = sync_plain();
    // Until the record can be written, only this store knows of the loss.
    if (plain_lost_ && (no_lock || held_->poison(result_.number)))
      state_.unsynced->poison(result_.number);
    if (!error && !changed_) error = held_->announce_change();
    if (!error && !changed_) error = replace(*held_, spool);
    unlock();
    if (error || changed_) return error;
    done_ = true;
    state_.compressed.add(result_);
    return {};
  }

  // Runs with the lowest priority, like `write`.
  std::error_code compare_forms(files::form_comparison& found) noexcept try {
    return files::compare_forms(disk_, state_.directory.get(), result_.number, go_on_, found);
  } catch (const std::bad_alloc&) {
    return std::make_error_code(std::errc::not_enough_memory);
  }

  std::error_code write(files::spool_file& spool) noexcept try {
    // Before the lock is taken: little is then left to sync under it.
    static_cast<void>(files::write_back(disk_, plain_.get(), 0, status_.size, go_on_));
    std::error_code error = sync_plain();
    if (!error) {
      error = spool.create(state_.directory.get(), state_.directory_path,
                           {result_.number, file_form::zstd}, state_.how.file_mode);
    }
    // Readers that could read the blobs still can.
    if (!error) error = os_error(disk_.copy_permissions(plain_.get(), spool.fd()));
    if (!error)
      error = write_frame_file(disk_, plain_.get(), status_.size, spool.fd(), go_on_, result_);
    return error ? error : os_error(disk_.sync_data(spool.fd()));
  } catch (const std::bad_alloc&) {
    return std::make_error_code(std::errc::not_enough_memory);
  }

  std::error_code sync_plain() {
    const std::error_code error = os_error(disk_.sync_data(plain_.get()));
    plain_lost_ = static_cast<bool>(error);
    return error;
  }

  // A file that is not known to be durable must not keep its name: a second sync might answer 0
  // although the first one lost data.
  std::error_code replace(lock::held_lock& held, files::spool_file& spool) {
    std::error_code error = remove_earlier();
    if (!error && !changed_) error = spool.link();
    // The other form appeared from elsewhere meanwhile: compare them.
    changed_ = changed_ || error == std::errc::file_exists;
    if (changed_) return {};
    if (error) return error;
    // Syncs again, now that the file has a name: btrfs, up to 2025, persisted nothing of a file
    // without one.
    error = os_error(disk_.sync_data(spool.fd()));
    if (!error) error = sync_directory(held);
    if (error) static_cast<void>(disk_.remove(state_.directory.get(), compressed_name_.c_str()));
    return error ? error : remove_plain(held);
  }

  std::error_code remove_earlier() {
    if (!earlier_) return {};
    io::file_status beside;
    const std::int64_t looked = status_of(compressed_name_, beside);
    if (looked < 0 && looked != -ENOENT) return os_error(looked);
    changed_ = looked >= 0 && !is_same(beside, *earlier_);
    if (changed_ || looked < 0) return {};
    return os_error(disk_.remove(state_.directory.get(), compressed_name_.c_str()));
  }

  // Saves the work on a file that would be rejected in the end. Needs no lock: a sealed file stays
  // sealed.
  std::error_code check_sealed() {
    files::listing listed;
    std::optional<files::file_id> highest;
    std::vector<files::file_id> foreign;
    const int directory = state_.directory.get();
    std::int64_t result = files::list_files(disk_, directory, listed);
    if (result >= 0) result = files::find_mutable(disk_, directory, listed, highest, foreign);
    if (result < 0) return os_error(result);
    return highest && highest->number > result_.number ? std::error_code{} : errc::mutable_file;
  }

  std::error_code check_unchanged(const lock::held_lock& held) {
    changed_ = false;
    const auto mutable_number = held.mutable_number();
    if (!mutable_number || *mutable_number <= result_.number) return errc::mutable_file;
    // After a power failure the plain file could reappear, with other bytes than in the cache. The
    // record may not show yet what this store knows.
    const auto known_here = state_.unsynced->poisoned_number();
    if (held.may_have_lost_writes(result_.number) || (known_here && result_.number <= *known_here))
      return errc::poisoned;
    io::file_status named;
    const std::int64_t looked = status_of(plain_name_, named);
    if (looked < 0 && looked != -ENOENT) return os_error(looked);
    changed_ = looked == -ENOENT || !is_same(named, status_);
    return {};
  }

  // The compressed file has its name, and both are durable.
  std::error_code remove_plain(lock::held_lock& /*held*/) {
    const std::int64_t removed = disk_.remove(state_.directory.get(), plain_name_.c_str());
    if (removed < 0 && removed != -ENOENT) return os_error(removed);
    state_.forget_file(result_.number);
    state_.unsynced->forget_deleted(disk_);
    return {};
  }

  std::error_code take_lock() {
    // The writer of this store may have the lock nearly all the time: this asks it to leave the
    // lock free.
    const lock_wish told(state_.seals);
    return lock_.take_and_look(go_on_, held_);
  }

  void unlock() noexcept {
    if (held_) held_->end();
    held_.reset();
    state_.drop_deleted_files();
  }

  std::error_code sync_directory(lock::held_lock& held) {
    const auto [error, begun] = held.sync_directory();
    if (error && begun && held.mutable_file()) {
      state_.unsynced->poison(held.mutable_file()->number);
      state_.notify(event::kind::sync_failed,
                    files::file_name(*held.mutable_file()).text() +
                        " will not be written again; the next put begins a new file",
                    held.mutable_file()->number, 0, error);
    }
    return error;
  }

  std::error_code sync_compressed() {
    const std::int64_t fd =
        disk_.open(state_.directory.get(), compressed_name_.c_str(), io::open_mode::read, 0);
    if (fd < 0) return os_error(fd);
    const unique_fd opened(static_cast<int>(fd));
    return os_error(disk_.sync_data(opened.get()));
  }

  std::int64_t status_of(const files::file_name& name, io::file_status& found) {
    return disk_.status_at(state_.directory.get(), name.c_str(), found);
  }
  static bool is_same(const io::file_status& one, const io::file_status& other) {
    return one.same_file(other) && one.size == other.size;
  }

  // The sizes of the compressed file, whichever process made it.
  std::error_code measure_compressed() {
    done_ = true;
    const std::int64_t fd =
        disk_.open(state_.directory.get(), compressed_name_.c_str(), io::open_mode::read, 0);
    if (fd == -ENOENT) return errc::no_such_file;
    if (fd < 0) return open_error(fd);
    const unique_fd opened(static_cast<int>(fd));
    std::error_code error = check_sealed();
    if (error) return error;
    files::loaded_frames found;
    error = files::read_seek_table(disk_, opened.get(), found);
    if (error == errc::corrupt)
      error = files::walk_frames(disk_, opened.get(), found, go_on_);  // torn: whole frames count
    result_.plain_bytes = found.frames.plain_size();
    result_.stored_bytes = found.file_size;
    result_.frames = found.frames.count();
    result_.frame_bytes = 0;
    result_.level = 0;
    return error;
  }

  store_state& state_;
  io::file_io& disk_;
  lock::store_lock& lock_;
  std::optional<lock::held_lock> held_;
  low_priority_thread& encoder_;
  const std::function<bool()>& go_on_;
  file_compression& result_;
  const files::file_name plain_name_;
  const files::file_name compressed_name_;
  unique_fd plain_;
  closed_on_fork fork_guard_{-1};
  io::file_status status_;                  // of the plain file, as it was opened
  std::optional<io::file_status> earlier_;  // the compressed file that makes room for the new one
  bool plain_lost_ = false;                 // a sync of it failed
  bool changed_ = false;                    // the plain file is another one now: start over
  bool done_ = false;
};

}  // namespace

std::error_code compress_file(store_state& state, io::file_io& disk, lock::store_lock& lock,
                              low_priority_thread& encoder, const std::function<bool()>& go_on,
                              file_compression& result) {
  return compression_of_file(state, disk, lock, encoder, go_on, result).run();
}

}  // namespace conduit::detail
