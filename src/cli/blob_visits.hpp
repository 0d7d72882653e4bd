// Goes through the blobs of a manifest, many at a time, within bounds on their number and bytes.
#pragma once

#include <asio/awaitable.hpp>
#include <functional>
#include <vector>

#include "cli/event_loops.hpp"
#include "cli/manifest.hpp"

namespace conduit::cli {

// What is to be done with one blob. An exception ends all visits.
using blob_visitor = std::function<asio::awaitable<void>(const manifest_entry& entry)>;

void visit_blobs(event_loops& loops, const std::vector<manifest_entry>& entries,
                 const blob_visitor& visit);

}  // namespace conduit::cli
