#include "lock/store_lock.hpp"

#include <conduit/error.hpp>

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "base/os_error.hpp"

namespace conduit::lock {

namespace {

using namespace std::chrono_literals;

// The limit for a waiting thread that can do nothing else meanwhile.
constexpr auto patience = 60s;
// Bounds the retries when the lock file is replaced again and again.
constexpr int reopens_max = 8;

}  // namespace

event long_wait_for(const std::string& lock_path) {
  return {event::kind::lock_waited_for,
          lock_path + " has been locked by another process for a second; it may be stopped",
          0,
          0,
          {}};
}

store_lock::store_lock(io::file_io& disk, store_place place)
    : disk_(disk),
      place_(std::move(place)),
      file_(disk, {place_.lock_path, place_.directory_path}, lock_mode::exclusive) {}

std::error_code store_lock::open() {
  const std::error_code error = file_.open(place_.lock_permissions);
  stale_ = static_cast<bool>(error);
  return error;
}

void store_lock::watch() {
  watching_ = true;
  watch_.begin(place_.directory_path, place_.lock_path);
  waiters_.begin(place_.directory_path);
}

std::error_code store_lock::reopen() {
  if (place_.on_event) {
    place_.on_event({event::kind::lock_file_replaced,
                     place_.lock_path + " was unlinked or replaced; using what stands there now",
                     0,
                     0,
                     {}});
  }
  const std::error_code error = open();
  if (!error && watching_) watch();
  return error;
}

std::optional<held_lock> store_lock::try_take() noexcept {
  if (file_.attempt()) return std::nullopt;
  return held_lock(*this);
}

std::optional<held_lock> store_lock::try_take_for_a_moment() noexcept {
  if (file_.attempt_for_a_moment()) return std::nullopt;
  return held_lock(*this);
}

asio::awaitable<std::error_code> store_lock::take(io::completion_port& home,
                                                  std::optional<held_lock>& into, bool& waited) {
  const std::error_code error = co_await file_.acquire(home, waited);
  if (!error) into = held_lock(*this);
  co_return error;
}

// Polls like `go_on`, and reports a long wait, once.
std::function<bool()> store_lock::telling(const std::function<bool()>& go_on) const {
  const auto told_at = std::chrono::steady_clock::now() + long_wait;
  return [this, &go_on, told_at, told = false]() mutable {
    if (!told && place_.on_event && std::chrono::steady_clock::now() >= told_at) {
      told = true;
      place_.on_event(long_wait_for(place_.lock_path));
    }
    return go_on();
  };
}

std::error_code store_lock::take_and_look(const std::function<bool()>& go_on,
                                          std::optional<held_lock>& into) {
  for (int reopens = 0; reopens < reopens_max; ++reopens) {
    std::error_code error = stale_ ? open() : std::error_code{};
    if (!error) error = file_.acquire(telling(go_on), patience);
    if (error) return error;
    into = held_lock(*this);
    bool stale = false;
    std::vector<files::file_id> foreign;
    error = into->look(stale);
    if (!error) error = into->list(foreign);
    if (!error) {
      // The mark stays in the lock file until another record is written there.
      note_foreign_mark();
      return {};
    }
    into.reset();
    if (error != errc::locked) return error;
    error = reopen();
    if (error) return error;
  }
  return errc::locked;
}

std::error_code store_lock::read_record() {
  std::optional<lock_record> found;
  const std::error_code error = load_record(disk_, file_.fd(), found);
  // An error is not the same as no record: the content of the record must not be forgotten.
  if (error) return error;
  record_valid_ = found.has_value();
  // An unreadable record counts as none: the first put begins a new file and writes a new record.
  record_ = found.value_or(lock_record{});
  if (poisoned_here_) record_.poisoned = std::max(record_.poisoned.value_or(0), *poisoned_here_);
  judge_record();
  return {};
}

bool store_lock::note_foreign_mark() noexcept {
  if (!record_.syncing) return false;
  record_.poisoned = std::max(record_.poisoned.value_or(0), *record_.syncing);
  record_.syncing.reset();
  return true;
}

std::error_code store_lock::write_record() {
  const std::error_code error = store_record(disk_, file_.fd(), record_);
  if (error) return error;
  record_valid_ = true;
  judge_record();
  recorded_at_ = std::chrono::steady_clock::now();
  return {};
}

}  // namespace conduit::lock
