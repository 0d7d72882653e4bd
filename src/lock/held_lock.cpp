#include "lock/held_lock.hpp"

#include <conduit/error.hpp>

#include <algorithm>
#include <cassert>
#include <chrono>
#include <utility>

#include "base/os_error.hpp"
#include "lock/store_lock.hpp"

namespace conduit::lock {

namespace {

using namespace std::chrono_literals;

// Everything is checked by path at least this often, whatever the watch says.
constexpr auto full_check_interval = 10ms;
// A directory that changed shortly before it was listed may have changed again within the same tick
// of its clock. Some file systems count whole seconds.
constexpr std::chrono::nanoseconds directory_tick(std::chrono::nanoseconds modified) noexcept {
  return modified % 1s == 0s ? 1020ms : 20ms;
}
// For a plain file the record's end only has to reveal a shrunken file: it may lag.
constexpr auto record_interval = 10ms;

}  // namespace

held_lock::held_lock(store_lock& lock) noexcept : lock_(&lock) {
  assert(!lock.held_);
  lock.held_ = true;
  lock.marked_ = lock.record_due_ = false;
}

held_lock::held_lock(held_lock&& other) noexcept : lock_(std::exchange(other.lock_, nullptr)) {}

held_lock& held_lock::operator=(held_lock&& other) noexcept {
  const held_lock old(std::move(*this));
  lock_ = std::exchange(other.lock_, nullptr);
  return *this;
}

held_lock::~held_lock() {
  if (lock_ == nullptr || fork_generation() != lock_->made_in_) return;
  lock_->held_ = false;
  lock_->file_.release();
}

store_lock& held_lock::here() const noexcept {
  assert(lock_ != nullptr && lock_->held_);
  return *lock_;
}

// ---- what others did

bool held_lock::nothing_changed() noexcept {
  store_lock& known = here();
  const bool recent =
      known.listed_ && std::chrono::steady_clock::now() - known.checked_at_ < full_check_interval;
  // Reset until a look succeeds: the watch reports a change only once.
  if (!known.watch_.quiet() || !recent) known.checked_at_ = {};
  return known.checked_at_ != std::chrono::steady_clock::time_point{};
}

std::error_code held_lock::look(bool& stale) {
  store_lock& known = here();
  known.looked_at_ = std::chrono::steady_clock::now();
  if (!known.file_.still_named()) return make_error_code(errc::locked);
  const std::error_code unreadable = known.read_record();
  if (unreadable) return unreadable;
  io::file_status directory;
  const std::int64_t looked = known.disk_.status(known.place_.directory, directory);
  if (looked < 0) return os_error(looked);
  known.device_ = directory.device;
  known.judge_record();
  const std::chrono::nanoseconds modified(known.listed_directory_.modified_ns);
  const bool ticked =
      known.listed_ && modified > known.listed_at_.time_since_epoch() - directory_tick(modified);
  stale = !known.listed_ || ticked || known.record_.changes != known.listed_changes_ ||
          directory.modified_ns != known.listed_directory_.modified_ns;
  return {};
}

std::error_code held_lock::list(std::vector<files::file_id>& foreign) {
  store_lock& known = here();
  const int directory = known.place_.directory;
  // The time is taken first: a change during the listing makes the listing look older than it is,
  // never younger.
  known.listed_at_ = std::chrono::system_clock::now();
  known.listed_ = false;
  std::int64_t result = known.disk_.status(directory, known.listed_directory_);
  if (result >= 0) result = files::list_files(known.disk_, directory, known.files_);
  if (result >= 0) {
    result = files::find_mutable(known.disk_, directory, known.files_, known.mutable_, foreign);
  }
  if (result < 0) return os_error(result);
  known.listed_ = true;
  known.listed_changes_ = known.record_.changes;
  return {};
}

void held_lock::looked() noexcept { here().checked_at_ = here().looked_at_; }

std::error_code held_lock::take_over_mark() {
  if (!here().note_foreign_mark()) return {};
  const std::error_code error = here().write_record();
  return is_out_of_space(error) ? std::error_code{} : error;
}

// ---- what is known

const lock_record& held_lock::record() const noexcept { return here().record_; }

bool held_lock::record_vouches() const noexcept { return here().vouches_; }

const files::listing& held_lock::files() const noexcept { return here().files_; }

const std::optional<files::file_id>& held_lock::mutable_file() const noexcept {
  return here().mutable_;
}

std::optional<std::uint32_t> held_lock::mutable_number() const noexcept {
  if (!here().mutable_) return std::nullopt;
  return here().mutable_->number;
}

bool held_lock::may_have_lost_writes(std::uint32_t number) const noexcept {
  const lock_record& record = here().record_;
  return record.boot == here().place_.boot && record.poisoned && number <= *record.poisoned;
}

bool held_lock::mutable_poisoned() const noexcept {
  const auto& poisoned = here().record_.poisoned;
  return here().mutable_ && poisoned && here().mutable_->number <= *poisoned;
}

// ---- what this holder does

std::error_code held_lock::announce_change() {
  store_lock& known = here();
  ++known.record_.changes;
  known.listed_changes_ = known.record_.changes;
  return known.write_record();
}

std::error_code held_lock::mark_syncing(std::uint32_t number) {
  store_lock& known = here();
  if (known.marked_ && known.record_.syncing == number) return {};
  known.record_.syncing = number;
  const std::error_code error = known.write_record();
  if (error) {
    known.record_.syncing.reset();
    // Without a record of this boot nobody appends to the file.
    return is_out_of_space(error) && !record_vouches() ? std::error_code{} : error;
  }
  known.marked_ = true;
  return {};
}

std::error_code held_lock::poison(std::uint32_t number) {
  store_lock& known = here();
  known.poisoned_here_ = std::max(known.poisoned_here_.value_or(0), number);
  known.record_.poisoned = std::max(known.record_.poisoned.value_or(0), number);
  const std::error_code error = known.write_record();
  if (error) known.marked_ = false;
  return error;
}

// A record of this boot names the mutable file only if its entry is durable, or else marked.
bool held_lock::entry_is_durable() const noexcept {
  return record_vouches() && record().mutable_file == mutable_number();
}

directory_sync held_lock::sync_directory() {
  store_lock& known = here();
  const auto number = mutable_number();
  if (number) {
    const std::error_code error = mark_syncing(*number);
    const bool needs_mark = !entry_is_durable() && !mutable_poisoned();
    if (error && (needs_mark || !is_out_of_space(error))) return {error, false};
  }
  const std::error_code error = os_error(known.disk_.sync_directory(known.place_.directory));
  if (error && number) static_cast<void>(poison(*number));
  return {error, true};
}

std::error_code held_lock::name_new_file(files::file_id created) {
  store_lock& known = here();
  // Throws before the record names the file, not afterwards.
  known.files_.files.reserve(known.files_.files.size() + 1);
  const lock_record before = known.record_;
  known.record_.highest = created.number;
  known.record_.mutable_file = created.number;
  known.record_.end = 0;
  // If this process dies with the error of the sync of its entry, nobody may use the file.
  known.record_.syncing = created.number;
  const std::error_code error = known.write_record();
  if (error) {
    known.record_ = before;
    return error;
  }
  known.marked_ = true;
  known.files_.files.push_back(created);
  known.mutable_ = created;
  return {};
}

std::error_code held_lock::vouch() {
  store_lock& known = here();
  const lock_record before = known.record_;
  known.record_.boot = known.place_.boot;
  known.record_.device = known.device_;
  const std::error_code error = known.write_record();
  if (error) known.record_ = before;
  return error;
}

void held_lock::removed(std::uint32_t number) {
  std::erase_if(here().files_.files,
                [number](const files::file_id& file) { return file.number == number; });
}

void held_lock::note_end(std::uint32_t number, std::uint64_t end, bool at_once) {
  store_lock& known = here();
  const auto due = [&] {
    return std::chrono::steady_clock::now() - known.recorded_at_ > record_interval;
  };
  if (!known.marked_ && !at_once && !due()) return;
  lock_record& record = known.record_;
  if (record.mutable_file != number) {
    record.mutable_file = number;
    record.end = 0;
  }
  record.highest = std::max(record.highest.value_or(0), number);
  // Never lowered: a file that is shorter than it was stays in doubt.
  record.end = std::max(record.end, end);
  known.record_due_ = true;
}

std::error_code held_lock::record_end() {
  if (!here().record_due_) return {};
  const std::error_code error = here().write_record();
  here().record_due_ = static_cast<bool>(error);
  return error;
}

void held_lock::end() noexcept {
  store_lock& known = here();
  if (!known.marked_ && !known.record_due_) return;
  if (known.marked_) known.record_.syncing.reset();
  // This is only a precaution: a record that cannot be written lags behind, or keeps its mark.
  static_cast<void>(known.write_record());
  known.marked_ = known.record_due_ = false;
}

}  // namespace conduit::lock
