// What the writer does under the lock besides appending: roll, removal of files, and the choice
// between all jobs.
#include <conduit/error.hpp>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <chrono>
#include <utility>

#include "base/os_error.hpp"
#include "put/writer.hpp"

namespace conduit::detail {

namespace {

using namespace std::chrono_literals;

// A removal syncs the directory twice. After so much of it others get the lock, who need this long
// to wake.
constexpr auto removal_tenure_max = 10ms;
constexpr auto gap = 1ms;

}  // namespace

// In the middle of a long job. After an error the lock is not held.
asio::awaitable<std::error_code> writer::let_others_in() {
  leave_lock();
  co_await rest(gap);
  if (forked()) co_return make_error_code(errc::forked);
  std::error_code error;
  if (try_take_lock()) co_return error;
  do {
    error = co_await take_lock();
    // That was for what waits behind this job; the job goes on.
  } while (error && std::exchange(ask_again_, false));
  co_return error;
}

asio::awaitable<void> writer::run_job(pending_puts::job job) {
  std::error_code error;
  switch (job.what) {
    case queued_op::kind::roll:
      error = co_await file_.begin_next(held(), "asked to", job.number);
      if (!error) {
        job.number = held().mutable_number().value_or(0);
        counted_.rolls.fetch_add(1, std::memory_order_relaxed);
      }
      break;
    case queued_op::kind::remove:
      error = co_await remove_file(job.number);
      break;
    case queued_op::kind::remove_before:
      error = co_await remove_before(job.number, job.count);
      break;
    case queued_op::kind::recover:
      error = co_await recover_file(job.number, job.recovered);
      break;
    case queued_op::kind::sync:
      error = co_await sync_all();
      break;
    case queued_op::kind::close:
    case queued_op::kind::append:
      assert(false);  // neither is a job under the lock
      break;
  }
  if (forked()) co_return;  // the job is the parent's, who completes it
  if (held_) leave_lock();
  ended_.add(puts_.finish_job(job, error));
  co_await ended_.complete();
}

asio::awaitable<std::error_code> writer::remove_file(std::uint32_t number) {
  if (!held().files().contains(number)) co_return make_error_code(errc::no_such_file);
  if (held().mutable_number() == number) co_return make_error_code(errc::mutable_file);
  io::file_status status;
  for (const file_form form : {file_form::plain, file_form::zstd}) {
    const std::int64_t looked =
        disk_->status_at(state_->directory.get(), files::file_name(number, form).c_str(), status);
    if (looked >= 0 && !status.regular) co_return make_error_code(errc::not_a_regular_file);
    if (looked < 0 && looked != -ENOENT) co_return os_error(looked);
  }
  // The mutable file's entry must be durable: its number must not come back once the lower ones are
  // gone.
  if (held().mutable_poisoned()) {
    const std::error_code error =
        co_await file_.begin_next(held(), "a write or sync of the last file failed");
    // On a full disk a sealed file above does as well.
    if (error && !(is_out_of_space(error) && has_sealed_above(number))) co_return error;
  }
  std::error_code error = held().announce_change();
  // Without room for the record, the directory's time tells the others that it changed.
  if (!error || is_out_of_space(error))
    error = (co_await file_.sync_directory(held(), has_sealed_above(number))).error;
  if (error) co_return error;
  auto remove = [this, number]() -> std::int64_t {
    const int directory = state_->directory.get();
    std::int64_t result = 0;
    bool removed = false;
    for (const file_form form : {file_form::plain, file_form::zstd}) {
      if (result < 0) break;
      const std::int64_t one = disk_->remove(directory, files::file_name(number, form).c_str());
      if (one >= 0) removed = true;
      if (one < 0 && one != -ENOENT) result = one;
    }
    if (result >= 0) result = disk_->sync_directory(directory);
    return result >= 0 && !removed ? -ENOENT : result;
  };
  const std::int64_t result = co_await state_->helpers.run(port_, std::move(remove));
  if (result == -ENOENT) co_return make_error_code(errc::no_such_file);
  if (result < 0) co_return os_error(result);
  file_.removed(held(), number);
  co_return std::error_code{};
}

bool writer::has_sealed_above(std::uint32_t number) const noexcept {
  const auto& files = held().files().files;
  return std::any_of(files.begin(), files.end(), [&](const files::file_id& file) {
    return file.number > number && file.number != held().mutable_number();
  });
}

asio::awaitable<std::error_code> writer::remove_before(std::uint32_t number, std::size_t& count) {
  count = 0;
  std::vector<std::uint32_t> numbers;
  for (const files::file_id& file : held().files().files) {
    if (file.number >= number || held().mutable_number() == file.number) continue;
    if (numbers.empty() || numbers.back() != file.number) numbers.push_back(file.number);
  }
  auto begun = state_->around.now();
  for (const std::uint32_t victim : numbers) {
    if (state_->around.now() - begun >= removal_tenure_max) {
      // Others wait, and the record and the directory have what was done.
      const std::error_code lost = co_await let_others_in();
      if (lost) co_return lost;
      begun = state_->around.now();
    }
    const std::error_code error = co_await remove_file(victim);
    if (error == errc::not_a_regular_file || error == errc::no_such_file) continue;
    if (error) co_return error;
    ++count;
  }
  co_return std::error_code{};
}

}  // namespace conduit::detail
