#include "put/mutable_file.hpp"

#include <conduit/error.hpp>

#include <cerrno>
#include <utility>

#include "base/os_error.hpp"
#include "put/left_files.hpp"
#include "put/next_file.hpp"

namespace conduit::detail {

namespace {

// Others may create files at the same time (an original does not look at the record).
constexpr int create_attempts = 16;
// A compressed file is left once it has this many frames: its table, which each holder writes once,
// stays near 32 KiB, and a put of one small frame near the cost of the first. With 8,192 frames the
// worst thousand of 30,000 puts of 4 KiB, one at a time, took 1.33 times the first; with
// 4,096 1.21.
constexpr std::size_t frames_max = 4096;

// The results of `measure`, besides errors.
constexpr std::int64_t is_elsewhere = 0;  // the mutable file is another one
constexpr std::int64_t is_as_known = 1;
constexpr std::int64_t is_changed = 2;  // another process wrote to it

}  // namespace

// ---- what others did to it

bool mutable_file::try_adopt(lock::held_lock& held) {
  adopted_ = listed_ = false;
  const auto& file = held.mutable_file();
  if (!held.nothing_changed() || held.record().syncing || !file || file->form != form() ||
      has_unrecorded_loss(held))
    return false;
  adopted_ = measure(held) == is_as_known;
  return adopted_;
}

asio::awaitable<std::error_code> mutable_file::adopt(lock::held_lock& held) {
  adopted_ = listed_ = false;
  std::error_code error;
  if (!held.nothing_changed()) error = co_await find_changes(held);
  if (error) co_return error;
  if (held.mutable_file() && held.mutable_file()->form == form()) {
    error = co_await open(held);
    if (error) co_return error;
  } else {
    tail_ = {};
  }
  error = held.take_over_mark();
  if (error) co_return error;
  if (has_unrecorded_loss(held)) {
    error = held.poison(*state_.unsynced->poisoned_number());
    if (error && !is_out_of_space(error)) co_return error;
  }
  adopted_ = true;
  co_return std::error_code{};
}

asio::awaitable<std::error_code> mutable_file::find_changes(lock::held_lock& held) {
  bool stale = false;
  std::error_code error = held.look(stale);
  if (!error && stale) error = co_await list(held);
  if (error) co_return error;
  if (const auto file = held.mutable_file()) {
    io::file_status named;
    const std::int64_t looked =
        disk_.status_at(state_.directory.get(), files::file_name(*file).c_str(), named);
    const bool replaced = looked >= 0 && tail_.file && !named.same_file(tail_.identity);
    // The open file may live on under another name, to which no location points.
    if (replaced) tail_ = {};
    if (looked == -ENOENT || replaced) {
      error = co_await list(held);
      if (error) co_return error;
    } else if (looked < 0) {
      co_return os_error(looked);
    }
  }
  held.looked();
  co_return error;
}

asio::awaitable<std::error_code> mutable_file::list(lock::held_lock& held) {
  form_seen_.reset();
  listed_ = true;
  std::error_code error;
  std::vector<files::file_id> foreign;
  auto look = [&]() -> std::int64_t {
    error = held.list(foreign);
    return 0;
  };
  const std::int64_t result = co_await state_.helpers.run(home_, std::move(look));
  if (!error) error = os_error(result);
  if (error) co_return error;
  const auto& file = held.mutable_file();
  form_seen_ = file ? file->form : file_form::plain;
  if (file) state_.sealed_up_to(file->number);
  state_.unsynced->forget_deleted(disk_);
  foreign_.report(state_, foreign);
  co_return error;
}

// A file that was left failed its sync, without the lock. The record tells the others: they must
// not compress that file.
bool mutable_file::has_unrecorded_loss(const lock::held_lock& held) const noexcept {
  const auto lost = state_.unsynced->poisoned_number();
  const auto& poisoned = held.record().poisoned;
  return lost && (!poisoned || *poisoned < *lost);
}

file_form mutable_file::form() const noexcept {
  switch (state_.how.compression) {
    case compression::zstd:
      return file_form::zstd;
    case compression::follow:
      return form_seen_.value_or(state_.form_at_open);
    case compression::none:
    case compression::zstd_on_seal:
      break;
  }
  return file_form::plain;
}

// Measures the open file, whose name must have been looked up. A negative errno on failure.
std::int64_t mutable_file::measure(const lock::held_lock& held) {
  shrunk_ = grown_ = false;
  if (!tail_.file || tail_.file->number != held.mutable_number()) return is_elsewhere;
  const std::int64_t known = disk_.status(tail_.file->fd.get(), found_);
  if (known < 0) return known;
  if (found_.links == 0) return is_elsewhere;
  if (tail_.frames) {
    // Once in doubt, always in doubt.
    const bool as_known = doubt_ || (recorded_end(held).value_or(0) <= tail_.end &&
                                     table_stands(disk_, tail_, found_.size));
    grown_ = !as_known;
    return as_known ? is_as_known : is_changed;
  }
  shrunk_ = end_known_ && found_.size < tail_.end;
  grown_ = found_.size > tail_.end;
  if (!shrunk_) tail_.end = found_.size;
  return is_as_known;
}

// The end of the mutable file, as far as a record of this boot knows it.
std::optional<std::uint64_t> mutable_file::recorded_end(
    const lock::held_lock& held) const noexcept {
  if (!held.record_vouches() || held.record().mutable_file != held.mutable_number())
    return std::nullopt;
  return held.record().end;
}

// Another process appended to the compressed file, or left it torn, or the file is new to us.
asio::awaitable<std::error_code> mutable_file::examine(lock::held_lock& held) {
  // Otherwise the next put leaves the file as it is.
  if (!may_mend(held)) co_return std::error_code{};
  tail_findings findings;
  auto look = [&]() -> std::int64_t {
    findings = examine_frames(disk_, tail_, recorded_end(held));
    return 0;
  };
  co_await state_.helpers.run(home_, std::move(look));
  if (findings.error) co_return findings.error;
  const std::uint32_t number = tail_.file->number;
  const std::string name = files::file_name(number, file_form::zstd).text();
  doubt_ = findings.doubt;
  if (doubt_) {
    state_.notify(event::kind::file_in_doubt, name + ": " + *doubt_ + "; it is left as it is",
                  number, tail_.end);
  }
  if (findings.cut) {
    state_.notify(event::kind::tail_mended,
                  name + " ended in a torn frame or without a table; it was cut there", number,
                  *findings.cut);
  }
  co_return std::error_code{};
}

// Opens the mutable file that the directory shows, if it is new to us, and measures it.
asio::awaitable<std::error_code> mutable_file::open(lock::held_lock& held) {
  const std::int64_t measured = measure(held);
  if (measured == is_changed) co_return co_await examine(held);
  if (measured != is_elsewhere) co_return os_error(measured);
  sync_oldest_behind(state_, disk_);
  const files::file_id wanted = *held.mutable_file();
  const files::file_name name(wanted);
  auto file = std::make_shared<append_file>();
  file->number = wanted.number;
  auto open_by_name = [&]() -> std::int64_t {
    const std::int64_t fd =
        disk_.open(state_.directory.get(), name.c_str(), io::open_mode::read_write, 0);
    // Owned at once: the context may be destroyed before this coroutine resumes.
    if (fd >= 0) file->fd = unique_fd(static_cast<int>(fd));
    return fd;
  };
  const std::int64_t opened = co_await state_.helpers.run(home_, std::move(open_by_name));
  if (opened < 0) co_return os_error(opened);
  const std::int64_t known = disk_.status(file->fd.get(), found_);
  if (known < 0) co_return os_error(known);
  const bool framed = wanted.form == file_form::zstd;
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
  if (found_.size == 0 && recorded_end(held).value_or(0) == 0) {
    // The file is valid as it is, but not for everybody: the zstd program requires a table.
    tail_.table_due = true;
    co_return std::error_code{};
  }
  co_return co_await examine(held);
}

// ---- when it is left

// Why the mutable file must not be appended to; null if it may. Valid until the file is left.
const char* mutable_file::reason_to_leave(const lock::held_lock& held) const {
  if (const char* why = reason_to_begin(held, form())) return why;
  if (doubt_) return doubt_->c_str();
  if (tail_.frames && tail_.frames->count() >= frames_max)
    return "the last file has as many frames as a table is to hold";
  if (found_.links > 1) return "the last file has a second hard link, perhaps of a backup";
  // `examine` has checked this for compressed files.
  const lock::lock_record& record = held.record();
  const bool short_of_record =
      !tail_.frames && record.mutable_file == tail_.file->number && found_.size < record.end;
  if (shrunk_ || short_of_record) return "the last file is shorter than it was";
  if (tail_.plain_end() >= state_.how.max_file_size) return "the last file is full";
  return nullptr;
}

asio::awaitable<std::error_code> mutable_file::make_ready(lock::held_lock& held) {
  if (const char* why = reason_to_leave(held)) {
    const std::error_code error = co_await begin_next(held, why);
    if (error) co_return error;
  }
  if (directory_unsynced_) co_return (co_await sync_directory(held)).error;
  co_return std::error_code{};
}

asio::awaitable<std::error_code> mutable_file::begin_next(lock::held_lock& held, std::string why,
                                                          std::uint32_t at_least) {
  const bool vouched = held.record_vouches();
  const file_form wanted = form();
  // The last table is not durable yet, whatever the durability.
  const std::shared_ptr<append_file> left = tail_.frames ? tail_.file : nullptr;
  if (left) state_.unsynced->begin_write(left);
  finish_table(held);
  if (left) state_.unsynced->end_write(*left);
  lock::directory_sync begun;
  std::optional<std::uint32_t> number;
  for (int attempt = 0; attempt < create_attempts; ++attempt) {
    const std::error_code unannounced = held.announce_change();
    if (unannounced) co_return unannounced;
    number = next_number(held, at_least);
    if (!number) co_return std::make_error_code(std::errc::value_too_large);
    begun = co_await begin_file(state_, disk_, home_, held, {*number, wanted});
    if (begun.error != std::errc::file_exists) break;
    const std::error_code listing_error = co_await list(held);
    if (listing_error) co_return listing_error;
  }
  if (begun.error && !begun.begun) co_return begun.error;

  // From here on the number is used, whatever happens to the file. Not earlier: if the next file
  // cannot be begun, this store may go on in the old one.
  if (left) sync_behind(state_, disk_, left);
  form_seen_ = wanted;
  state_.sealed_up_to(*number);
  note(held, begun);
  if (begun.error) co_return begun.error;
  std::error_code error = co_await open(held);
  if (error) co_return error;
  directory_unsynced_ = false;
  if (!vouched) {
    // The file and its entry are durable.
    error = held.vouch();
    if (error) co_return error;
  }
  if (tail_.frames) tail_.table_due = true;
  finish_table(held);
  state_.notify(event::kind::file_begun,
                "began " + files::file_name(*number, wanted).text() + ": " + why, *number);
  co_return std::error_code{};
}

// ---- appends

void mutable_file::begin_frames(std::span<const codec::frame_sizes> frames) {
  tail_.table.append(frames);
  try {
    tail_.frames->reserve(frames.size());
  } catch (...) {
    tail_.table.drop(frames.size());
    throw;
  }
  tail_.table_due = true;
}

void mutable_file::appended_frames(std::span<const codec::frame_sizes> frames,
                                   std::uint64_t bytes) noexcept {
  tail_.frames->append(frames);
  tail_.end += bytes;
  tail_.stands = tail_.table.bytes().size();
  tail_.table_due = false;
}

// A file in doubt is never written again, and a second hard link may be a backup's.
bool mutable_file::may_mend(const lock::held_lock& held) const noexcept {
  return held.record_vouches() && !doubt_ && found_.links <= 1;
}

// Does nothing unless the file was adopted: another process may have appended.
void mutable_file::finish_table(lock::held_lock& held) noexcept {
  if (!adopted_ || !may_mend(held)) return;
  const std::error_code error = write_table(disk_, tail_);
  // Once: the holders that follow try again and again.
  const bool told = std::exchange(table_failed_, static_cast<bool>(error));
  if (!error || told) return;
  state_.notify(event::kind::write_failed,
                files::file_name(tail_.file->number, file_form::zstd).text() +
                    " is left without a table; the next put writes it",
                tail_.file->number, tail_.end, error);
}

void mutable_file::poison(lock::held_lock& held, std::error_code why, bool sync_failed) {
  const std::uint32_t number = tail_.file ? tail_.file->number : held.record().mutable_file;
  if (sync_failed) state_.unsynced->poison(number);
  // If the record cannot be written, this process still remembers, and the mark tells the others.
  static_cast<void>(held.poison(number));
  state_.notify(sync_failed ? event::kind::sync_failed : event::kind::write_failed,
                files::file_name(number, tail_.frames ? file_form::zstd : file_form::plain).text() +
                    " will not be written again; the next put begins a new file",
                number, tail_.end, why);
}

// ---- the directory

asio::awaitable<lock::directory_sync> mutable_file::sync_directory(lock::held_lock& held) {
  lock::directory_sync done;
  auto sync = [&]() -> std::int64_t {
    done = held.sync_directory();
    return 0;
  };
  const std::int64_t ran = co_await state_.helpers.run(home_, std::move(sync));
  if (!done.error) done.error = os_error(ran);
  if (!done.error) directory_unsynced_ = false;
  note(held, done);
  co_return done;
}

// Whatever was not durable may be lost, and no later sync can find out.
void mutable_file::note(const lock::held_lock& held, const lock::directory_sync& failed) {
  if (!failed.error || !failed.begun) return;
  state_.unsynced->poison(held.mutable_number().value_or(0));
  if (!held.mutable_file()) return;
  const files::file_id& file = *held.mutable_file();
  state_.notify(
      event::kind::sync_failed,
      files::file_name(file).text() + " will not be written again; the next put begins a new file",
      file.number, 0, failed.error);
}

void mutable_file::removed(lock::held_lock& held, std::uint32_t number) {
  held.removed(number);
  state_.forget_file(number);
  state_.unsynced->forget_deleted(disk_);
}

void mutable_file::leave(lock::held_lock& held) {
  finish_table(held);
  note_end(held);
  held.end();
  was_left();
}

void mutable_file::note_end(lock::held_lock& held) {
  end_known_ = tail_.file != nullptr;
  if (!tail_.file || !held.record_vouches() || doubt_ || directory_unsynced_) return;
  const lock::lock_record& record = held.record();
  const std::uint32_t number = tail_.file->number;
  const bool lags = record.mutable_file != number || record.end < tail_.end;
  held.note_end(number, tail_.end, tail_.frames && lags);
}

bool mutable_file::prepare_to_park(lock::held_lock& held) {
  if (!ready(held) || tail_.table_due) return false;
  note_end(held);
  // The record's end moves before frames are acknowledged.
  return !tail_.frames || !held.record_end();
}

}  // namespace conduit::detail
