// Seek tables from a hostile hand. The input: u64 bytes of the file before the table, then the
// file's last bytes.
#include <algorithm>
#include <vector>

#include "base/little_endian.hpp"
#include "codec/seek_table.hpp"
#include "invariant.hpp"

namespace {

using namespace conduit;
using fuzz::require;

std::uint64_t plain_size_of(const codec::covering_frames& frames) {
  std::uint64_t size = 0;
  for (const codec::placed_frame& frame : frames) {
    require(frame.sizes.plain != 0, "a frame that covers something has plain bytes");
    size += frame.sizes.plain;
  }
  return size;
}

void check_index(const codec::frame_index& frames) {
  const std::uint64_t plain_size = frames.plain_size();
  require(plain_size_of(frames.covering(0, plain_size)) == plain_size,
          "all frames together cover all plain bytes");
  require(plain_size_of(frames.covering(plain_size, plain_size + 1)) == 0,
          "nothing covers what lies behind");
  const std::uint64_t middle = plain_size / 2;
  for (const codec::placed_frame& frame : frames.covering(middle, middle + 1)) {
    require(frame.plain_start <= middle && middle < frame.plain_end(),
            "the frame that covers a byte holds it");
  }
}

void check_round_trip(const codec::frame_index& frames) {
  codec::growing_table table;
  table.append(frames);
  codec::frame_index again;
  const auto error =
      codec::parse_seek_table(table.bytes(), frames.stored_size() + table.bytes().size(), again);
  require(!error && again == frames, "a table written of what was read reads the same");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = fuzz::input_bytes(data, size);
  if (size < 8) return 0;
  const auto end = input.subspan(8);
  const auto before =
      std::min(load_little_endian<std::uint64_t>(input.data()), ~std::uint64_t{0} - end.size());
  const std::uint64_t file_size = before + end.size();

  const auto table_size = codec::seek_table_size(
      end.last(std::min(end.size(), codec::seek_table_footer_size)), file_size);
  if (!table_size) return 0;
  require(*table_size <= file_size, "a table lies within its file");
  if (*table_size > end.size()) return 0;
  const auto table = end.last(static_cast<std::size_t>(*table_size));
  codec::frame_index frames;
  if (codec::parse_seek_table(table, file_size, frames)) {
    require(frames.count() == 0, "a refused table leaves nothing");
    return 0;
  }
  require(frames.stored_size() + table.size() == file_size, "frames and table are the file");
  check_index(frames);
  check_round_trip(frames);
  return 0;
}
