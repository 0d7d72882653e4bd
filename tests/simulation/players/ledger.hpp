// What the store has promised to whom, kept by the world and not by any process: which blobs were
// acknowledged, since when no power failure may take them, which may be gone because somebody
// deletes their file. And what was found against a promise.
#pragma once

#include <conduit/data_location.hpp>
#include <cstdint>
#include <optional>
#include <string_view>
#include <system_error>

#include "simulation/history/step.hpp"
#include "simulation/world/world.hpp"

namespace conduit::simulation {

struct inode;

// What a fault did may be told to whoever came a moment later.
inline constexpr nanoseconds aftermath = 20 * millisecond;

struct promise {
  data_location where;
  std::uint64_t seed = 0;
  unsigned store = 0;     // the opening that put it
  bool durable = false;   // a power failure may not take it
  bool cached = true;     // no power failure since
  unsigned doomed = 0;    // deletions that may take its file
  bool original = false;  // an original wrote it
};

// One call of a process, from its initiation to its end.
struct operation {
  verb what = verb::put;
  unsigned process = 0;
  nanoseconds begun = 0;
  nanoseconds ended = 0;       // 0: not yet
  nanoseconds own_delays = 0;  // of its process, when it began
};

// A deletion: what is put into its files before it ends may be gone with them.
struct deletion {
  std::uint32_t number = 0;
  bool all_below = false;
  unsigned process = 0;
  std::size_t operation = 0;
};

// That somebody put under a data file's name.
struct foreign_file {
  std::uint32_t number = 0;
  shared_string name;
  const inode* content = nullptr;
};

// What a process hears from the director.
struct seat {
  shared_deque<step> steps;
  unsigned pending = 0;  // operations whose handler has not run, nor was dropped
  bool busy = false;     // with a step
};

struct ledger {
  shared_vector<promise> promises;
  shared_vector<operation> operations;
  shared_vector<deletion> deletions;
  shared_vector<seat> seats;  // by the process's number
  std::uint64_t blobs = 0;
  unsigned stores = 0;
  bool syncs_lie = false;
  shared_set<std::uint32_t> given_up;  // numbers of which nothing is promised: somebody damaged the
                                       // file, or took its name
  shared_vector<foreign_file> foreign_files;  // that nobody was asked to delete
  bool meets_foreign_files = false;           // there was one
  bool damaged = false;                       // somebody changed a file
  bool recovered = false;   // somebody let a file be recovered: it may be cut, and written
  bool puts_plain = false;  // some store puts into plain files
  bool originals = false;   // run, and know nothing of the record
  std::uint64_t acknowledged = 0;
  std::uint64_t reads_checked = 0;
};

ledger& the_ledger() noexcept;
void set_ledger(ledger* next) noexcept;

// Whether an error of something that began then may be due to a fault.
bool troubled_since(nanoseconds begun) noexcept;

std::size_t begin_operation(verb what);
// Complains where it took longer than the rules allow.
void end_operation(std::size_t number);
// Another process has an operation under way.
bool others_wait() noexcept;
// A blob's bytes.
std::uint64_t new_blob() noexcept;
// Of a put that began at `begun`.
void acknowledge(const data_location& where, std::uint64_t seed, unsigned store, bool durable,
                 nanoseconds begun);
// An original's put: nothing is known of it after a power failure.
void acknowledge_original(const data_location& where, std::uint64_t seed);
// All that this opening acknowledged among the first `count` promises is durable.
void synced(unsigned store, std::size_t count);
// A deletion of this number, or of all below it, has begun as this operation of the calling
// process.
void begin_deletion(std::uint32_t number, bool all_below, std::size_t operation);
// Nothing of this file is promised any more, what is yet to be acknowledged neither.
void give_up(std::uint32_t number);
// Somebody put it there. A deletion under way may take it.
void add_foreign_file(const foreign_file& one);
// Nothing was deleted.
void take_back_deletion(std::uint32_t number, std::size_t operation) noexcept;
// The answer of a get that began then. `wrong`: the bytes are not those of the blob.
void check_read(std::size_t promised, nanoseconds begun, const std::error_code& error, bool wrong);
// Room can always be made: what frees it, and what comes before that, does not fail for want of
// room.
void check_needs_no_room(const char* what, nanoseconds begun, const std::error_code& error);
// An error where none may be.
void check_error(const char* what, nanoseconds begun, const std::error_code& error);
// The power failed.
void lose_unsynced() noexcept;
bool is_binding(const promise& one) noexcept;

}  // namespace conduit::simulation
