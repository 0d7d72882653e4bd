#include "simulation/players/ledger.hpp"

#include <algorithm>
#include <string>

#include "lock/lock_record.hpp"
#include "simulation/world/inodes.hpp"
#include "simulation/world/tasks.hpp"

namespace conduit::simulation {

namespace {

// Of an operation, on a machine where all is well. A sync takes up to 30 ms here, and some
// processes share the lock.
constexpr nanoseconds wait_max = 3 * second;

ledger* present = nullptr;

bool overlap(const data_location& a, const data_location& b) noexcept {
  return a.file_number == b.file_number && a.start < b.end && b.start < a.end;
}

bool hits(const deletion& begun, std::uint32_t number) noexcept {
  return begun.all_below ? number < begun.number : number == begun.number;
}

// Those of a dead process are over.
bool is_under_way(const deletion& begun) noexcept {
  return the_world().processes[begun.process]->alive &&
         present->operations[begun.operation].ended == 0;
}

bool was_under_way_since(const deletion& begun, nanoseconds when) noexcept {
  return is_under_way(begun) || present->operations[begun.operation].ended >= when ||
         the_world().processes[begun.process]->gone >= when;
}

// Its own process syncs such a file, or another may do so under the lock.
bool may_wait_for_slow_file(const operation& one) noexcept {
  const world& all = the_world();
  const bool others_do = std::any_of(
      all.processes.begin(), all.processes.end(),
      [&](const process* other) { return other->syncs_under_lock && other->gone >= one.begun; });
  return all.processes[one.process]->slow_until >= one.begun || others_do;
}

}  // namespace

bool others_wait() noexcept {
  const auto& processes = the_world().processes;
  return std::any_of(processes.begin(), processes.end(), [](const process* other) {
    const bool waits =
        other->number < present->seats.size() && present->seats[other->number].pending != 0;
    return waits && other != &current_process() && other->alive && !other->stopped;
  });
}

ledger& the_ledger() noexcept { return *present; }
void set_ledger(ledger* next) noexcept { present = next; }

bool troubled_since(nanoseconds begun) noexcept {
  return the_world().limits_in_force || the_world().last_trouble + aftermath >= begun;
}

std::size_t begin_operation(verb what) {
  ledger& all = the_ledger();
  const unsigned owner = current_process().number;
  all.operations.push_back({what, owner, the_world().now, 0, current_process().own_delays});
  ++all.seats[owner].pending;
  ++current_process().pending[static_cast<std::size_t>(what)];
  return all.operations.size() - 1;
}

void end_operation(std::size_t number) {
  operation& one = the_ledger().operations[number];
  one.ended = the_world().now;
  --the_ledger().seats[one.process].pending;
  --the_world().processes[one.process]->pending[static_cast<std::size_t>(one.what)];
  const nanoseconds took = the_world().now - one.begun;
  // Many reads of one process may have much to read.
  const nanoseconds delays = the_world().processes[one.process]->own_delays - one.own_delays;
  if (took > wait_max + delays && !troubled_since(one.begun) && !may_wait_for_slow_file(one)) {
    complain(std::string(name_of(one.what)) + " took " + std::to_string(took / millisecond) +
             " ms, and nobody was stopped");
  }
}

std::uint64_t new_blob() noexcept { return ++the_ledger().blobs; }

namespace {

void add_promise(promise next, nanoseconds begun) {
  ledger& all = the_ledger();
  for (const promise& other : all.promises) {
    // After a power failure an original goes on in its old file: it knows no better.
    if (next.original && !other.cached) continue;
    // Nor does anybody, where the disk said that all was well.
    if (the_ledger().syncs_lie && !other.cached) continue;
    if (overlap(other.where, next.where))
      complain(next.where.to_string() + " was handed out before, as " + other.where.to_string());
  }
  for (const deletion& other : all.deletions) {
    const bool takes_it = hits(other, next.where.file_number) && was_under_way_since(other, begun);
    next.doomed += takes_it ? 1U : 0U;
  }
  next.doomed += all.given_up.contains(next.where.file_number) ? 1U : 0U;
  all.promises.push_back(next);
  ++all.acknowledged;
  tell("  acknowledged " + next.where.to_string() + (next.durable ? ", durable" : ""));
}

}  // namespace

void acknowledge(const data_location& where, std::uint64_t seed, unsigned store, bool durable,
                 nanoseconds begun) {
  promise next;
  next.where = where;
  next.seed = seed;
  next.store = store;
  next.durable = durable;
  add_promise(next, begun);
}

void acknowledge_original(const data_location& where, std::uint64_t seed) {
  promise next;
  next.where = where;
  next.seed = seed;
  next.store = UINT32_MAX;
  next.original = true;
  add_promise(next, the_world().now);
}

void synced(unsigned store, std::size_t count) {
  ledger& all = the_ledger();
  for (std::size_t i = 0; i < std::min(count, all.promises.size()); ++i) {
    if (all.promises[i].store == store && all.promises[i].cached) all.promises[i].durable = true;
  }
}

void begin_deletion(std::uint32_t number, bool all_below, std::size_t operation) {
  const deletion begun{number, all_below, current_process().number, operation};
  the_ledger().deletions.push_back(begun);
  std::erase_if(the_ledger().foreign_files,
                [&](const foreign_file& one) { return hits(begun, one.number); });
  for (promise& one : the_ledger().promises) {
    if (hits(begun, one.where.file_number)) ++one.doomed;
  }
}

void give_up(std::uint32_t number) {
  the_ledger().given_up.insert(number);
  for (promise& one : the_ledger().promises) {
    if (one.where.file_number == number) ++one.doomed;
  }
}

void add_foreign_file(const foreign_file& one) {
  ledger& all = the_ledger();
  all.meets_foreign_files = all.damaged = true;
  const auto takes_it = [&](const deletion& begun) {
    return hits(begun, one.number) && is_under_way(begun);
  };
  if (std::none_of(all.deletions.begin(), all.deletions.end(), takes_it))
    all.foreign_files.push_back(one);
}

void take_back_deletion(std::uint32_t number, std::size_t operation) noexcept {
  std::erase_if(the_ledger().deletions,
                [&](const deletion& begun) { return begun.operation == operation; });
  for (promise& one : the_ledger().promises) {
    if (one.where.file_number == number && one.doomed != 0) --one.doomed;
  }
}

bool is_binding(const promise& one) noexcept {
  return one.doomed == 0 && (one.cached || (one.durable && !the_ledger().syncs_lie));
}

void check_read(std::size_t promised, nanoseconds begun, const std::error_code& error, bool wrong) {
  const promise& one = the_ledger().promises[promised];
  ++the_ledger().reads_checked;
  if (!error && wrong) return complain("wrong bytes at " + one.where.to_string());
  if (error && is_binding(one) && !troubled_since(begun)) {
    complain(std::string(one.durable ? "a durable blob is lost: " : "a blob is lost: ") +
             one.where.to_string() + ": " + error.message());
  }
}

void check_error(const char* what, nanoseconds begun, const std::error_code& error) {
  if (error && !troubled_since(begun))
    complain(std::string(what) + " fails on a sound machine: " + error.message());
}

void check_needs_no_room(const char* what, nanoseconds begun, const std::error_code& error) {
  const world& all = the_world();
  // The record has its room once it stands.
  const inode* const lock = look_up("/store.lock");
  const bool recorded = lock != nullptr && lock->cached.size() >= lock::lock_record::encoded_size;
  const bool otherwise_sound = !all.limits_in_force && all.last_fault + aftermath < begun;
  if (error == std::errc::no_space_on_device && recorded && otherwise_sound)
    complain(std::string(what) + " fails for want of room");
}

void lose_unsynced() noexcept {
  std::erase_if(the_ledger().promises, [](const promise& one) { return one.original; });
  the_ledger().foreign_files.clear();
  for (promise& one : the_ledger().promises) one.cached = false;
}

}  // namespace conduit::simulation
