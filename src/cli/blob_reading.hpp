// Blobs of any size out of a store, in order, checked before or while they are handed on.
#pragma once

#include <asio/awaitable.hpp>
#include <conduit/data_location.hpp>
#include <conduit/flat_file_db.hpp>
#include <conduit/slice.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "cli/event_loops.hpp"
#include "cli/manifest.hpp"

namespace conduit::cli {

// Up to here a blob, or the slice asked for, is read whole before its first byte is handed on.
inline constexpr std::uint64_t whole_read_bytes_max = 64ULL << 20;

using byte_sink = std::function<void(std::span<const std::byte>)>;

// Bytes [start, end) of the blob; larger ones than `whole_read_bytes_max` piece by piece. The
// checksum is compared where the whole blob is asked for. Throws `failure`; what is found after the
// first bytes were handed on is `corrupt`, since the blob's end had been seen to exist.
asio::awaitable<void> read_blob(flat_file_db db, data_location location, slice part,
                                const byte_sink& sink);

// What is to be done with one blob of a manifest. An exception ends all visits.
using blob_visitor = std::function<asio::awaitable<void>(const manifest_entry& entry)>;

// Visits many at a time, within bounds on their number and bytes.
void visit_blobs(event_loops& loops, const std::vector<manifest_entry>& entries,
                 const blob_visitor& visit);

}  // namespace conduit::cli
