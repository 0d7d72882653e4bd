#include "cli/blob_visits.hpp"

#include <algorithm>
#include <cstdint>

#include "cli/blob_reading.hpp"
#include "cli/byte_budget.hpp"

namespace conduit::cli {
namespace {

constexpr std::size_t blobs_at_a_time = 32;

// On one loop: `next` needs no lock.
asio::awaitable<void> visit_some(const event_loops& loops,
                                 const std::vector<manifest_entry>& entries, std::size_t& next,
                                 byte_budget& budget, const blob_visitor& visit) {
  while (next < entries.size() && !loops.stopping()) {
    const manifest_entry& entry = entries[next++];
    const byte_budget::share held = co_await budget.take(entry.location.size());
    co_await visit(entry);
  }
}

}  // namespace

void visit_blobs(event_loops& loops, const std::vector<manifest_entry>& entries,
                 const blob_visitor& visit) {
  byte_budget budget(loops.home(), whole_read_bytes_max);
  std::size_t next = 0;
  const auto visitors = static_cast<unsigned>(std::min(blobs_at_a_time, entries.size()));
  loops.run(visitors, [&](unsigned) { return visit_some(loops, entries, next, budget, visit); });
}

}  // namespace conduit::cli
