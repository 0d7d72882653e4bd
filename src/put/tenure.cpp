#include "put/tenure.hpp"

#include <conduit/error.hpp>

#include <algorithm>
#include <cerrno>

#include "base/os_error.hpp"

namespace conduit::detail {

namespace {

using namespace std::chrono_literals;

// At least this often everything is checked by path, whatever the watch says.
constexpr auto full_check_interval = 10ms;
// A directory that changed shortly before it was listed may have changed again within the same tick
// of its clock.
constexpr auto directory_tick = 20ms;
// The record's end of a plain file only has to tell a shrunken file: it may lag.
constexpr auto record_interval = 10ms;

constexpr std::size_t unsynced_files_max = 16;

// What `measure_tail` finds, besides errors.
constexpr std::int64_t tail_elsewhere = 0;  // the mutable file is another one
constexpr std::int64_t tail_as_known = 1;
constexpr std::int64_t tail_changed = 2;  // somebody else wrote to it

}  // namespace

tenure::tenure(store_state& state, io::file_io& disk, io::completion_port& home)
    : state_(state),
      disk_(disk),
      home_(home),
      lock_(disk, state.lock_path),
      boot_(state.around.boot()) {}

bool tenure::record_vouches() const noexcept {
  return record_valid_ && record_.boot == boot_ && record_.device == device_;
}

bool tenure::mutable_poisoned() const noexcept {
  return mutable_ && record_.poisoned && mutable_->number <= *record_.poisoned;
}

std::optional<std::uint32_t> tenure::mutable_number() const noexcept {
  if (!mutable_) return std::nullopt;
  return mutable_->number;
}

std::error_code tenure::read_record() {
  std::optional<lock::lock_record> found;
  const std::error_code error = lock::load_record(disk_, lock_.fd(), found);
  // Not the same as no record: what it says must not be forgotten.
  if (error) return error;
  record_valid_ = found.has_value();
  // An unreadable record is as good as none: the first put begins a new file and writes a new one.
  record_ = found.value_or(lock::lock_record{});
  if (poisoned_here_) record_.poisoned = std::max(record_.poisoned.value_or(0), *poisoned_here_);
  return {};
}

std::error_code tenure::write_record() {
  const std::error_code error = lock::store_record(disk_, lock_.fd(), record_);
  if (error) return error;
  record_valid_ = true;
  recorded_at_ = std::chrono::steady_clock::now();
  return {};
}

void tenure::watch() { watch_.begin(state_.directory_path, state_.lock_path); }

// As far as the watch tells, since the last full check, and that is not long ago.
bool tenure::nothing_changed() noexcept {
  const bool recent =
      listed_ && std::chrono::steady_clock::now() - checked_at_ < full_check_interval;
  if (!watch_.quiet() || !recent)
    checked_at_ = {};  // until a check has succeeded: the watch will not tell twice
  return checked_at_ != std::chrono::steady_clock::time_point{};
}

bool tenure::try_begin() {
  begun_ = marked_ = false;
  if (!nothing_changed() || record_.syncing || !mutable_ || mutable_->form != form() ||
      has_unrecorded_loss())
    return false;
  begun_ = measure_tail() == tail_as_known;
  return begun_;
}

asio::awaitable<std::error_code> tenure::begin() {
  begun_ = marked_ = false;
  if (!nothing_changed()) {
    const auto now = std::chrono::steady_clock::now();
    if (!lock_.still_named()) co_return make_error_code(errc::locked);
    const std::error_code unreadable = read_record();
    if (unreadable) co_return unreadable;
    io::file_status directory;
    const std::int64_t known = disk_.status(state_.directory.get(), directory);
    if (known < 0) co_return os_error(known);
    device_ = directory.device;
    const bool ticked = listed_ && std::chrono::nanoseconds(listed_directory_.modified_ns) >
                                       listed_at_.time_since_epoch() - directory_tick;
    const bool stale = !listed_ || ticked || record_.changes != listed_changes_ ||
                       directory.modified_ns != listed_directory_.modified_ns;
    if (stale) {
      const std::error_code error = co_await list();
      if (error) co_return error;
    }
    if (mutable_) {
      io::file_status named;
      const std::int64_t looked =
          disk_.status_at(state_.directory.get(), files::file_name(*mutable_).c_str(), named);
      const bool replaced = looked >= 0 && tail_.file && !named.same_file(tail_.identity);
      // What we have open may live on under another name, where no location points.
      if (replaced) tail_ = {};
      if (looked == -ENOENT || replaced) {
        const std::error_code error = co_await list();
        if (error) co_return error;
      } else if (looked < 0) {
        co_return os_error(looked);
      }
    }
    checked_at_ = now;
  }
  if (mutable_ && mutable_->form == form()) {
    const std::error_code error = co_await adopt_tail();
    if (error) co_return error;
  } else {
    tail_ = {};
  }
  // A mark that is not ours: its holder died between the first byte and the end of the sync, and
  // the sync's error with it.
  if (record_.syncing) {
    record_.poisoned = std::max(record_.poisoned.value_or(0), *record_.syncing);
    record_.syncing.reset();
    const std::error_code error = write_record();
    // For want of room the mark stays, which tells the next holder the same.
    if (error && !is_out_of_space(error)) co_return error;
  }
  if (has_unrecorded_loss()) {
    const std::error_code error = give_up_file(*state_.unsynced->poisoned_number());
    if (error && !is_out_of_space(error)) co_return error;
  }
  begun_ = true;
  co_return std::error_code{};
}

// A sync of a file that was left failed without the lock. The others learn of it from the record:
// they must not compress that file.
bool tenure::has_unrecorded_loss() const noexcept {
  const auto lost = state_.unsynced->poisoned_number();
  return lost && (!record_.poisoned || *record_.poisoned < *lost);
}

asio::awaitable<std::error_code> tenure::list() {
  // The time is taken first: what changes meanwhile makes the listing look older than it is, never
  // younger.
  listed_at_ = std::chrono::system_clock::now();
  io::file_status directory;
  std::vector<files::file_id> foreign;
  auto look = [&]() -> std::int64_t {
    std::int64_t result = disk_.status(state_.directory.get(), directory);
    if (result >= 0) result = files::list_files(disk_, state_.directory.get(), files_);
    if (result >= 0)
      result = files::find_mutable(disk_, state_.directory.get(), files_, mutable_, foreign);
    return result;
  };
  listed_ = false;
  const std::int64_t result = co_await state_.helpers.run(home_, std::move(look));
  if (result < 0) co_return os_error(result);
  listed_ = true;
  listed_directory_ = directory;
  listed_changes_ = record_.changes;
  if (mutable_) state_.sealed_up_to(mutable_->number);
  state_.unsynced->forget_deleted(disk_);
  for (const files::file_id& file : foreign) {
    if (std::find(reported_.begin(), reported_.end(), file) != reported_.end()) continue;
    reported_.push_back(file);
    state_.notify(
        event::kind::foreign_object,
        files::file_name(file).text() +
            " is no regular file; it is never opened, and new files are numbered above it",
        file.number);
  }
  co_return std::error_code{};
}

file_form tenure::form() const noexcept {
  switch (state_.how.compression) {
    case compression::zstd:
      return file_form::zstd;
    case compression::follow:
      if (mutable_) return mutable_->form;
      return listed_ ? file_form::plain : state_.form_at_open;
    case compression::none:
    case compression::zstd_on_seal:
      break;
  }
  return file_form::plain;
}

// Looks at the size of the tail's file. `tail_elsewhere` where that is not, or no longer, the
// mutable one; or a negative errno.
std::int64_t tenure::measure_tail() {
  shrunk_ = false;
  if (!tail_.file || tail_.file->number != mutable_->number) return tail_elsewhere;
  const std::int64_t known = disk_.status(tail_.file->fd.get(), found_);
  if (known < 0) return known;
  if (found_.links == 0) return tail_elsewhere;
  if (tail_.frames) {
    // Once in doubt, always in doubt.
    const bool as_known = doubt_ || (recorded_end().value_or(0) <= tail_.end &&
                                     table_stands(disk_, tail_, found_.size));
    return as_known ? tail_as_known : tail_changed;
  }
  shrunk_ = end_known_ && found_.size < tail_.end;
  if (!shrunk_) tail_.end = found_.size;
  return tail_as_known;
}

// Of the mutable file, as far as a record of this boot knows it.
std::optional<std::uint64_t> tenure::recorded_end() const noexcept {
  if (!record_vouches() || !mutable_ || record_.mutable_file != mutable_->number)
    return std::nullopt;
  return record_.end;
}

// Somebody else appended to the compressed tail, or left it torn, or it is new to us.
asio::awaitable<std::error_code> tenure::examine_tail() {
  // Otherwise the file is left anyway, as it is.
  if (!may_mend()) co_return std::error_code{};
  tail_findings findings;
  auto examine = [&]() -> std::int64_t {
    findings = examine_frames(disk_, tail_, recorded_end());
    return 0;
  };
  co_await state_.helpers.run(home_, std::move(examine));
  if (findings.error) co_return findings.error;
  const std::string name = files::file_name(*mutable_).text();
  doubt_ = findings.doubt;
  if (doubt_)
    state_.notify(event::kind::file_in_doubt, name + ": " + *doubt_ + "; it is left as it is",
                  mutable_->number, tail_.end);
  if (findings.cut) {
    state_.notify(event::kind::tail_mended,
                  name + " ended in a torn frame or without a table; it was cut there",
                  mutable_->number, *findings.cut);
  }
  co_return std::error_code{};
}

// The mutable file is the one the directory shows: open it if it is new to us, and look at its
// size.
asio::awaitable<std::error_code> tenure::adopt_tail() {
  const std::int64_t measured = measure_tail();
  if (measured == tail_changed) co_return co_await examine_tail();
  if (measured != tail_elsewhere) co_return os_error(measured);
  sync_oldest();
  const files::file_name name(*mutable_);
  auto file = std::make_shared<append_file>();
  file->number = mutable_->number;
  auto open = [&]() -> std::int64_t {
    const std::int64_t fd =
        disk_.open(state_.directory.get(), name.c_str(), io::open_mode::read_write, 0);
    // Owned at once: the context may be destroyed before this coroutine hears of it.
    if (fd >= 0) file->fd = unique_fd(static_cast<int>(fd));
    return fd;
  };
  const std::int64_t opened = co_await state_.helpers.run(home_, std::move(open));
  if (opened < 0) co_return os_error(opened);
  const std::int64_t known = disk_.status(file->fd.get(), found_);
  if (known < 0) co_return os_error(known);
  const bool framed = mutable_->form == file_form::zstd;
  tail_ = {};
  tail_.file = std::move(file);
  tail_.identity = found_;
  tail_.end = framed ? 0 : found_.size;
  if (framed) tail_.frames = std::make_shared<file_frames>();
  doubt_.reset();
  end_known_ = false;
  directory_unsynced_ = true;
  if (!framed) co_return std::error_code{};
  state_.publish_tail(tail_.file, found_, tail_.frames);
  if (found_.size == 0 && recorded_end().value_or(0) == 0) {
    // It is valid as it is, but not for everybody: the zstd program wants a table.
    tail_.table_due = true;
    co_return std::error_code{};
  }
  co_return co_await examine_tail();
}

// Under the mark of the mutable file, like a sync of the file itself: if its entry was not yet
// durable and the sync fails, it may be lost, and a second sync may answer 0 all the same. Then
// nobody may use the file.
asio::awaitable<std::error_code> tenure::sync_directory(bool needs_no_mark) {
  if (tail_.file) {
    const std::error_code error = mark_syncing();
    // A full disk: where the entry is durable already, or nobody will append to the file, there is
    // nothing to mark.
    const bool needless =
        is_out_of_space(error) && (needs_no_mark || !directory_unsynced_ || mutable_poisoned());
    if (error && !needless) co_return error;
  }
  auto sync = [this]() -> std::int64_t { return disk_.sync_directory(state_.directory.get()); };
  const std::int64_t result = co_await state_.helpers.run(home_, std::move(sync));
  if (result >= 0) {
    directory_unsynced_ = false;
  } else if (tail_.file) {
    poison_tail(os_error(result), false);
  }
  co_return os_error(result);
}

// Files that were left stay open until `sync`; beyond a few, the oldest is synced while puts go on.
// By then the kernel has written most of it, so this costs little, and descriptors do not pile up
// in a program that never calls `sync`.
void tenure::sync_oldest() {
  const auto all = state_.unsynced->all();
  if (all.size() > unsynced_files_max) sync_behind(all.front().file);
}

void tenure::sync_behind(const std::shared_ptr<append_file>& left) {
  const std::error_code refused =
      state_.helpers.post_in_background([file = left, unsynced = state_.unsynced, disk = &disk_] {
        const auto seen = unsynced->find(*file);
        if (!seen) return;  // `sync` was faster
        if (disk->sync_data(file->fd.get()) < 0) unsynced->poison(file->number);
        unsynced->synced(*seen);
      });
  // Without a thread the file stays unsynced, for `sync`: here the lock is held.
  static_cast<void>(refused);
}

void tenure::poison_tail(std::error_code why, bool sync_failed) {
  const std::uint32_t number = tail_.file ? tail_.file->number : record_.mutable_file;
  if (sync_failed) state_.unsynced->poison(number);
  poisoned_here_ = std::max(poisoned_here_.value_or(0), number);
  record_.poisoned = std::max(record_.poisoned.value_or(0), number);
  // If this cannot be written either, this process still remembers, and the syncing mark tells the
  // others.
  if (write_record()) marked_ = false;
  state_.notify(sync_failed ? event::kind::sync_failed : event::kind::write_failed,
                files::file_name(number, tail_.frames ? file_form::zstd : file_form::plain).text() +
                    " will not be written again; the next put begins a new file",
                number, tail_.end, why);
}

std::error_code tenure::give_up_file(std::uint32_t number) {
  poisoned_here_ = std::max(poisoned_here_.value_or(0), number);
  record_.poisoned = std::max(record_.poisoned.value_or(0), number);
  return write_record();
}

std::error_code tenure::mark_syncing() {
  if (marked_ && record_.syncing == tail_.file->number) return {};
  record_.syncing = tail_.file->number;
  const std::error_code error = write_record();
  if (error) {
    record_.syncing.reset();
    // Without a record of this boot nobody appends to the file.
    return is_out_of_space(error) && !record_vouches() ? std::error_code{} : error;
  }
  marked_ = true;
  return {};
}

std::error_code tenure::announce_change() {
  ++record_.changes;
  listed_changes_ = record_.changes;
  return write_record();
}

void tenure::removed(std::uint32_t number) {
  std::erase_if(files_.files,
                [number](const files::file_id& file) { return file.number == number; });
  state_.forget_file(number);
  state_.unsynced->forget_deleted(disk_);
}

void tenure::begin_frames(std::span<const codec::frame_sizes> frames) {
  tail_.table.append(frames);
  try {
    tail_.frames->reserve(frames.size());
  } catch (...) {
    tail_.table.drop(frames.size());
    throw;
  }
  tail_.table_due = true;
}

void tenure::appended_frames(std::span<const codec::frame_sizes> frames,
                             std::uint64_t bytes) noexcept {
  tail_.frames->append(frames);
  tail_.end += bytes;
  tail_.stands = tail_.table.bytes().size();
  tail_.table_due = false;
}

// A file in doubt is never written again, and a second hard link may be a backup's.
bool tenure::may_mend() const noexcept { return record_vouches() && !doubt_ && found_.links <= 1; }

void tenure::finish_table() noexcept {
  if (!begun_ || !may_mend()) return;
  const std::error_code error = conduit::detail::finish_table(disk_, tail_);
  if (!error) return;
  state_.notify(event::kind::write_failed,
                files::file_name(tail_.file->number, file_form::zstd).text() +
                    " is left without a table; the next put writes it",
                tail_.file->number, tail_.end, error);
}

void tenure::end() {
  finish_table();
  end_known_ = tail_.file != nullptr;
  const bool ours = tail_.file && record_vouches();
  const bool lags = ours && tail_.frames &&
                    (record_.mutable_file != tail_.file->number || record_.end < tail_.end) &&
                    !doubt_;
  const bool due = ours && std::chrono::steady_clock::now() - recorded_at_ > record_interval;
  if (!marked_ && !due && !lags) return;
  if (ours && !doubt_) {
    if (record_.mutable_file != tail_.file->number) {
      record_.mutable_file = tail_.file->number;
      record_.end = 0;
    }
    record_.highest = std::max(record_.highest.value_or(0), tail_.file->number);
    // Never lowered: a file that is shorter than it was stays in doubt.
    record_.end = std::max(record_.end, tail_.end);
  }
  if (marked_) record_.syncing.reset();
  // Nothing depends on it but caution: a record that cannot be written lags behind, or keeps its
  // mark.
  const std::error_code lagging = write_record();
  static_cast<void>(lagging);
  marked_ = false;
}

}  // namespace conduit::detail
