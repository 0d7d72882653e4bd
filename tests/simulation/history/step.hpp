// One thing that happens in a history, and its words. A history is a line of them: it can be
// printed, cut down, and run again.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace conduit::simulation {

enum class verb : std::uint8_t {
  // The machine.
  pause,     // microseconds
  power,     // what survives: 0 nothing, 1 everything, 2 each by chance
  capacity,  // bytes that the disk has room for beyond what it holds; 0: no bound
  fault,     // call, error, process + 1 or 0 for all, skip, times
  heal,      // no more faults, full disks and limits
  backup,    // hard links of all files
  temper,    // percent of switches, of cold reads, of slow syncs
  decay,     // percent of syncs that fail, of write backs that fail, of syncs that lie
  damage,    // kind, where: the mutable file is cut short, loses a byte and its end, ends in a torn
             // frame with a table, or in no table
  foreign,   // which: somebody's file stands where a compressed one is to come
  slow,      // which: a sealed file that takes seconds to sync
  // A process.
  start,  // process, form, durable, way (1: on threads, 2: read-only, 4: direct reads; their sum),
          // loops, contexts
  original,  // process: one of the Python original
  kill,      // process
  kill_at,   // process, calls from now
  stop,      // process
  go,        // process
  limit,     // process, threads more, descriptors more
  fork,      // process, in a handler
  finish,    // process: closes, destroys and leaves nothing
  destroy,   // process: its contexts, with all that is pending
  // What a process asks of its store.
  put,       // process, count, bytes
  put_many,  // process, count, bytes
  try_put,   // process, count, bytes
  get,       // process, count
  slice,     // process, count
  get_into,  // process, count
  roll,      // process, which: a number that the next file has at least, or 0
  sync,      // process
  remove,    // process, which
  remove_before,
  compress,  // process, which
  recover,   // process, which
  survey,    // process, which: files, verify, examine_file, stats or compression
  cancel,    // process, count
  close,     // process
  wait,      // process: for all that it has begun
  block,     // process: a handler that waits for another one
  chain,     // process, count, bytes, n: puts, each begun by the handler of the one before. The
             // handler of each n-th waits for all that other processes have begun.
  check,     // process: everything that was promised is there
};
inline constexpr std::size_t verbs = 40;
// A `which` of a file from here on: so many before the one that was put into last.
inline constexpr std::uint64_t counted_back = 1000;

struct step {
  verb what = verb::pause;
  std::array<std::uint64_t, 6> with{};
};

std::string_view name_of(verb what) noexcept;
std::string to_string(const step& one);

struct history {
  std::uint64_t seed = 0;
  std::vector<step> steps;
};

std::string to_string(const history& all);
// What `to_string` wrote. Throws std::invalid_argument.
history parse_history(std::string_view text);

}  // namespace conduit::simulation
