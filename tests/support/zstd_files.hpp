// Compressed files as others see them: read by libzstd's stream, and written as the Python original
// does.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "codec/frame_index.hpp"
#include "support/machine.hpp"

namespace conduit::test {

// A machine whose stores write the compressed form.
machine compressed_host(const machine::change& adjust = {});

std::filesystem::path zstd_path(const machine& host, std::uint32_t number);

// All plain bytes of the file, as `zstd -d` gives them. Throws std::runtime_error where that fails.
std::string decompressed(const std::filesystem::path& file);

// What the seek table at the file's end says; throws where there is none, or where it does not name
// every frame rightly.
codec::frame_index table_in(const std::filesystem::path& file);

// The file without its table, and with whatever comes behind the frames.
void cut_table(const std::filesystem::path& file);
void append_to(const std::filesystem::path& file, std::string_view bytes);

// What the Python original does to its mutable file: one frame without a content size over the
// table, and the new table. The location.
data_location append_as_zstd_original(const machine& host, std::uint32_t number,
                                      std::string_view bytes);

}  // namespace conduit::test
