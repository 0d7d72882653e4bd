#include "cli/blob_reading.hpp"

#include <algorithm>
#include <asio/use_awaitable.hpp>
#include <conduit/blob.hpp>
#include <conduit/detail/asio_compat.hpp>
#include <cstdint>
#include <fmt/format.h>
#include <memory>

#include "base/checksum.hpp"
#include "cli/byte_budget.hpp"
#include "cli/exit_status.hpp"

namespace conduit::cli {
namespace {

constexpr std::size_t piece_bytes = 4U << 20;

// `part` lies inside the blob and is not empty.
asio::awaitable<void> read_pieces(flat_file_db db, data_location location, slice part,
                                  const byte_sink& sink) {
  const bool whole = part.start == 0 && part.end == location.size();
  // Checks first that the last byte exists, so that a location out of range produces no output.
  const slice last{part.end - 1, part.end};
  const auto [range_error, last_byte] =
      co_await db.get_slice(location, last, detail::as_tuple(asio::use_awaitable));
  if (range_error) throw failure(location.to_string(), range_error);

  const auto checksum = std::make_unique<running_checksum>();
  blob piece(piece_bytes);
  while (part.start < part.end) {
    const slice next{part.start, std::min(part.end, part.start + piece_bytes)};
    const asio::mutable_buffer memory(piece.data(), piece.size());
    const auto [error, length] =
        co_await db.get_into(location, next, memory, detail::as_tuple(asio::use_awaitable));
    if (error) {
      const bool vanished = status_of(error) == exit_status::missing;
      throw failure(vanished ? exit_status::corrupt : status_of(error),
                    fmt::format("{}: from byte {} on: {}", location.to_string(), part.start,
                                error.message()));
    }
    const std::span<const std::byte> bytes = piece.bytes().first(length);
    if (whole) checksum->add(bytes);
    sink(bytes);
    part.start += length;
  }
  if (whole && location.checksum != 0 && checksum->value() != location.checksum) {
    throw failure(
        exit_status::corrupt,
        fmt::format("{}: the bytes do not have the location's checksum", location.to_string()));
  }
}

}  // namespace

asio::awaitable<void> read_blob(flat_file_db db, data_location location, slice part,
                                const byte_sink& sink) {
  const std::uint64_t end = part.end == slice::to_end ? location.size() : part.end;
  const bool inside = part.start <= end && end <= location.size();
  if (inside && end - part.start > whole_read_bytes_max) {
    const slice resolved{part.start, end};
    co_await read_pieces(std::move(db), location, resolved, sink);
    co_return;
  }
  // The library reports a slice that reaches too far. A slice that is the whole blob is read as
  // such, so that its checksum is compared.
  const slice asked = part.start == 0 && end == location.size() ? slice() : part;
  const auto [error, bytes] =
      co_await db.get_slice(location, asked, detail::as_tuple(asio::use_awaitable));
  if (error) throw failure(location.to_string(), error);
  sink(bytes.bytes());
}

namespace {

constexpr std::size_t blobs_at_a_time = 32;

// Runs on one loop: `next` needs no lock.
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
