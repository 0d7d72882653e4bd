// Writes a file's dirty pages to the disk before the sync that counts. It works piece by piece, so
// that the disk's queue stays short: other processes' requests wait behind that queue. It reads no
// error of the file, on purpose: the kernel reports an error to one process, and then not to those
// that open the file later. One of them could put durably behind lost bytes before the sync that
// counts finds the loss. Blocking.
#pragma once

#include <cstdint>
#include <functional>

#include "io/file_io.hpp"

namespace conduit::files {

// Writes back from `begin` to `end`. False if that cannot be done, or if `go_on`, which is polled,
// returns false: the sync that counts then has to do the rest. Before Linux 6.5 the progress of the
// disk is unknown, and everything is started at once.
bool write_back(io::file_io& disk, int fd, std::uint64_t begin, std::uint64_t end,
                const std::function<bool()>& go_on);

}  // namespace conduit::files
