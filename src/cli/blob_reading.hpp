// Reads blobs of any size from a store, in order, checked before or while they are handed on.
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

// Up to this size a blob, or a slice of one, is read whole before its first byte is handed on.
inline constexpr std::uint64_t whole_read_bytes_max = 64ULL << 20;

using byte_sink = std::function<void(std::span<const std::byte>)>;

// Reads bytes [start, end) of the blob, piece by piece if they are more than
// `whole_read_bytes_max`. Compares the checksum if the whole blob is requested. Throws `failure`;
// an error after the first bytes were handed on is `corrupt`, since the blob's end had been seen to
// exist.
asio::awaitable<void> read_blob(flat_file_db db, data_location location, slice part,
                                const byte_sink& sink);

// The action for one blob of a manifest. An exception ends all visits.
using blob_visitor = std::function<asio::awaitable<void>(const manifest_entry& entry)>;

// Visits many blobs at a time, within bounds on their number and bytes.
void visit_blobs(event_loops& loops, const std::vector<manifest_entry>& entries,
                 const blob_visitor& visit);

}  // namespace conduit::cli
