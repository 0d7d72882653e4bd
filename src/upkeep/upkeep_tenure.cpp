#include "upkeep/upkeep_tenure.hpp"

#include <asio/error.hpp>
#include <conduit/error.hpp>

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>
#include <vector>

#include "base/os_error.hpp"

namespace conduit::detail {

namespace {

using namespace std::chrono_literals;

// Asking now and then, because a wait in the kernel cannot be called off. The writer of this store
// knows that we wait; others are told by a knock, after which they rest for seconds: so not at
// once.
constexpr auto lock_interval = 100us;
constexpr auto lock_interval_later = 1ms;
constexpr auto knock_after = 100ms;
constexpr auto lock_patience = 60s;
// A lock file that is replaced under us again and again.
constexpr int reopens_max = 8;

}  // namespace

upkeep_tenure::upkeep_tenure(store_state& state, io::file_io& disk)
    : state_(state), disk_(disk), lock_(disk, state.lock_path), boot_(state.around.boot()) {}

std::error_code upkeep_tenure::begin(const std::function<bool()>& go_on) {
  std::error_code error = acquire(go_on);
  if (!error) error = look_around();
  if (error) end();
  return error;
}

void upkeep_tenure::end() noexcept {
  if (held_) lock_.release();
  held_ = false;
}

std::error_code upkeep_tenure::open() {
  const std::error_code error = opened_ ? lock_.reopen(0) : lock_.open(0);
  opened_ = opened_ || !error;
  stale_ = static_cast<bool>(error);
  return error;
}

std::error_code upkeep_tenure::acquire(const std::function<bool()>& go_on) {
  for (int reopens = 0; reopens < reopens_max; ++reopens) {
    std::error_code error = opened_ && !stale_ ? std::error_code{} : open();
    if (!error) error = wait_for_lock(go_on);
    if (error) return error;
    held_ = true;
    if (lock_.still_named()) return {};
    // This one excludes nobody any more.
    end();
    stale_ = true;
    state_.notify(event::kind::lock_file_replaced,
                  state_.lock_path + " was unlinked or replaced; using what stands there now");
  }
  return errc::locked;
}

std::error_code upkeep_tenure::wait_for_lock(const std::function<bool()>& go_on) {
  std::error_code refused = lock_.attempt();
  if (refused != std::errc::resource_unavailable_try_again) return refused;
  struct wish {
    seal_queue& seals;
    explicit wish(seal_queue& queue) : seals(queue) { seals.want_lock(true); }
    ~wish() { seals.want_lock(false); }
  } const told(state_.seals);
  const auto begun = std::chrono::steady_clock::now();
  bool knocked = false;
  while (refused == std::errc::resource_unavailable_try_again) {
    if (!go_on()) return asio::error::operation_aborted;
    const auto waited = std::chrono::steady_clock::now() - begun;
    if (waited >= lock_patience) return std::make_error_code(std::errc::timed_out);
    if (waited >= knock_after && !std::exchange(knocked, true)) lock_.knock();
    std::this_thread::sleep_for(knocked ? lock_interval_later : lock_interval);
    refused = lock_.attempt();
  }
  return refused;
}

std::error_code upkeep_tenure::look_around() {
  std::optional<lock::lock_record> found;
  const std::error_code error = lock::load_record(disk_, lock_.fd(), found);
  if (error) return error;
  // Without a record of this boot the next put begins a new file; nothing that is written here says
  // otherwise.
  record_ = found.value_or(lock::lock_record{});
  // A mark that is not ours: its holder died between the first byte and the end of the sync, and
  // the sync's error with it.
  if (record_.syncing) record_.poisoned = std::max(record_.poisoned.value_or(0), *record_.syncing);
  record_.syncing.reset();
  files::listing listed;
  std::vector<files::file_id> foreign;
  const int directory = state_.directory.get();
  std::int64_t result = files::list_files(disk_, directory, listed);
  if (result >= 0) result = files::find_mutable(disk_, directory, listed, mutable_, foreign);
  return os_error(result);
}

bool upkeep_tenure::may_have_lost_writes(std::uint32_t number) const noexcept {
  // What this store knows may not stand in the record yet.
  const auto known_here = state_.unsynced->poisoned_number();
  if (known_here && number <= *known_here) return true;
  return record_.boot == boot_ && record_.poisoned && number <= *record_.poisoned;
}

void upkeep_tenure::give_up_file(std::uint32_t number) noexcept {
  record_.poisoned = std::max(record_.poisoned.value_or(0), number);
  const std::error_code unwritten = lock::store_record(disk_, lock_.fd(), record_);
  // This store remembers it all the same.
  if (unwritten) state_.unsynced->poison(number);
}

std::error_code upkeep_tenure::announce_change() {
  ++record_.changes;
  return lock::store_record(disk_, lock_.fd(), record_);
}

std::error_code upkeep_tenure::sync_directory() {
  if (mutable_) record_.syncing = mutable_->number;
  const std::error_code unmarked = lock::store_record(disk_, lock_.fd(), record_);
  if (unmarked) return unmarked;
  const std::error_code failed = os_error(disk_.sync_directory(state_.directory.get()));
  record_.syncing.reset();
  if (failed && mutable_) {
    record_.poisoned = std::max(record_.poisoned.value_or(0), mutable_->number);
    state_.notify(event::kind::sync_failed,
                  files::file_name(*mutable_).text() +
                      " will not be written again; the next put begins a new file",
                  mutable_->number, 0, failed);
  }
  // Where this cannot be written, the mark stands: the next holder takes it for a sync that failed.
  const std::error_code unwritten = lock::store_record(disk_, lock_.fd(), record_);
  return failed ? failed : unwritten;
}

}  // namespace conduit::detail
