// The compression of sealed files, for the commands that wait for it.
#pragma once

#include <asio/awaitable.hpp>
#include <conduit/flat_file_db.hpp>
#include <cstdint>
#include <functional>
#include <vector>

namespace conduit::cli {

using compression_listener = std::function<void(const file_compression&)>;

// One after the other; `done` learns of each.
asio::awaitable<void> compress_files(flat_file_db db, std::vector<std::uint32_t> numbers,
                                     compression_listener done);

// The same with every file that is sealed and plain now, but those that are deleted meanwhile.
asio::awaitable<void> compress_sealed_files(flat_file_db db, compression_listener done);

}  // namespace conduit::cli
