// Has what the kernel keeps of a file written to the disk, before the sync that counts. Piece by
// piece, so that the disk's queue stays short: whatever another process waits for stands behind
// what is in there. Hears of no error of the file, on purpose: the kernel tells it to one process
// and then no more to those who open the file later. One of them could put durably behind bytes
// that are lost, before the sync that counts finds that out. Blocking.
#pragma once

#include <cstdint>
#include <functional>

#include "io/file_io.hpp"

namespace conduit::files {

// From `begin` to `end`. False where that cannot be done, or where `go_on`, asked again and again,
// says no: then the sync that counts has the rest to do. Before Linux 6.5 nobody can tell how far
// the disk is, and everything is begun at once.
bool write_back(io::file_io& disk, int fd, std::uint64_t begin, std::uint64_t end,
                const std::function<bool()>& go_on);

}  // namespace conduit::files
