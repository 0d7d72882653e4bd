// The machine that simulated processes run on: one clock, one source of chance, one disk. A process
// is a real one, forked off the director, whose system calls are answered here (calls/); a thread
// is a real thread. Of all of them one runs at a time, whoever has the baton, so the same seed
// gives the same history, call by call.
#pragma once

#include <array>
#include <cstdint>
#include <random>
#include <string_view>

#include "simulation/world/arena.hpp"
#include "simulation/world/kernel_calls.hpp"

namespace conduit::simulation {

using nanoseconds = std::int64_t;
inline constexpr nanoseconds never = INT64_MAX;
inline constexpr nanoseconds microsecond = 1000;
inline constexpr nanoseconds millisecond = 1000 * microsecond;
inline constexpr nanoseconds second = 1000 * millisecond;

struct description;
struct disk;
struct process;
struct ring;

// Kinds of operations that a process may have under way; what they are is the players' business.
inline constexpr std::size_t activities = 40;

// How often each trouble met an operation of each kind.
using encounter_table = std::array<std::array<std::uint64_t, activities>, troubles>;

// Of calls of each kind.
using call_counts = std::array<std::uint64_t, kernel_calls>;

// What tasks wait for: an object of the arena, or an address of one process.
using channel = std::uint64_t;

struct task {
  enum class phase : std::uint8_t { ready, parked, ended };

  std::uint32_t baton = 0;  // a futex: 1 hands the turn over
  unsigned number = 0;
  process* owner = nullptr;
  phase state = phase::ready;
  channel waits_for = 0;
  nanoseconds deadline = never;
  bool timed_out = false;
  bool sheltered = false;     // what it asks for it gets: it works for the simulation
  bool lends_itself = false;  // its thread is to work for the kernel, in the memory of its process
  const char* call = "starts";  // the one that it is in, or was in last
};

// What a process may use. Less than it needs is a fault like any other.
struct limits {
  unsigned threads = 1000;
  unsigned descriptors = 4000;
};

struct process {
  unsigned number = 0;
  shared_string name;
  int pid = 0;
  bool alive = true;
  bool stopped = false;  // by a signal, or a debugger
  limits allowed;
  std::uint64_t calls = 0;  // made so far
  std::uint64_t dies_at_call = UINT64_MAX;
  unsigned threads = 0;
  shared_map<int, description*> descriptors;
  std::array<unsigned, activities> pending{};  // operations of each kind
  nanoseconds kernel_due = never;              // when a request of its rings can go on
  shared_vector<ring*> rings;
  bool may_only_read = false;  // its store is read-only
  bool syncs_under_lock =
      false;  // other files than the last, perhaps: it compresses, or is an original
  nanoseconds gone = never;
  nanoseconds had_lock = -1;          // the store's, exclusively, last
  bool is_answered_at_once = false;   // its rings are
  bool finds_nothing_cached = false;  // for the moment
  nanoseconds own_delays = 0;         // that its threads waited for the disk, and its handlers for
                                      // other processes, in sum
  nanoseconds slow_until = 0;  // it syncs a file that takes very long, see `slow` of the histories
};

using random_numbers = std::mt19937_64;

// How the machine behaves; each in percent of the calls that it concerns.
struct temper {
  unsigned switches = 4;         // another task runs, where it could
  unsigned cold_reads = 10;      // the page cache has not what is asked for
  unsigned cold_names = 10;      // nor the name
  unsigned slow_syncs = 10;      // a sync takes its time
  unsigned partial_submits = 3;  // the ring takes only a part, or nothing
  unsigned spurious_wakes = 1;
  unsigned inline_transfers = 70;  // of a ring: answered within the submission
};

struct world {
  explicit world(std::uint64_t seed) : chance(seed) {}

  nanoseconds now = second;  // since the boot
  std::uint64_t boots = 1;
  random_numbers chance;
  temper manners;
  shared_vector<task*> tasks;
  task* running = nullptr;
  shared_vector<process*> processes;
  disk* storage = nullptr;
  shared_vector<fault_rule> faults;
  encounter_table encounters{};
  call_counts asked{};                      // calls that a fault could have met
  std::uint64_t moments = 0;                // scheduling points so far
  std::uint64_t fingerprint = 0;            // of everything that happened: equal for equal runs
  nanoseconds last_trouble = -1;            // when something last failed that a sound machine does
  nanoseconds last_fault = -1;              // the same, but for a full disk
  bool limits_in_force = false;             // of threads, descriptors or room
  bool sync_failed = false;                 // since the boot: stores may be poisoned
  bool tells_calls = false;                 // each of them is in the story
  bool stuck = false;                       // nobody can ever run again
  shared_vector<shared_string> complaints;  // what was found
  shared_vector<shared_string> story;
};

world& the_world() noexcept;
void set_world(world* next) noexcept;

// About `percent` of a hundred times. In the order of the calls: for whoever has the baton.
bool by_chance(unsigned percent);
std::uint64_t random_below(std::uint64_t bound);
inline nanoseconds random_time(nanoseconds bound) {
  return static_cast<nanoseconds>(random_below(static_cast<std::uint64_t>(bound)));
}

// A line of the story, with the moment.
void tell(std::string_view what);
// Something is not as it must be.
void complain(std::string_view what);
// Something fails now by a fault, or a limit; or only because the disk is full.
void note_trouble() noexcept;
void note_full_disk() noexcept;
// For the table: it happened to this process; without one, to all.
void meet(trouble what, const process* whose = nullptr) noexcept;
// A part of the fingerprint.
void leave_trace(std::uint64_t what) noexcept;

}  // namespace conduit::simulation
