// Compressed files from a hostile hand. The input: a seed that cuts the file into pieces, one byte,
// then the file.
#include <algorithm>
#include <vector>

#include "codec/frame.hpp"
#include "codec/frame_walk.hpp"
#include "codec/seek_table.hpp"
#include "invariant.hpp"

namespace {

using namespace conduit;
using fuzz::require;

struct walked {
  codec::walk_state state;
  codec::frame_index frames;

  friend bool operator==(const walked&, const walked&) = default;
};

walked walk(std::span<const std::byte> file, std::size_t first_piece) {
  codec::frame_walk walking(file.size());
  std::size_t piece_size = first_piece;
  while (!file.empty()) {
    const auto piece = file.first(std::min(piece_size, file.size()));
    require(!walking.feed(piece), "there is memory enough");
    file = file.subspan(piece.size());
    piece_size = piece_size % 31 + 1;
  }
  require(walking.state() != codec::walk_state::needs_more, "a file that came whole is decided");
  require(walking.offset() == walking.frames().stored_size(), "a walk stands behind its frames");
  return {walking.state(), walking.frames()};
}

void check_table(std::span<const std::byte> file, const codec::frame_index& frames) {
  const auto tail = file.last(std::min(file.size(), codec::seek_table_footer_size));
  const auto size = codec::seek_table_size(tail, file.size());
  require(size.has_value(), "the table of a complete file has its footer");
  codec::frame_index entries;
  const auto error =
      codec::parse_seek_table(file.last(static_cast<std::size_t>(*size)), file.size(), entries);
  require(!error && entries == frames, "the table of a complete file names the frames of the walk");
}

// What a walk accepted can be read.
void check_frames(std::span<const std::byte> file, const codec::frame_index& frames) {
  constexpr std::uint32_t plain_max = 1U << 18U;
  static codec::decoder reading;
  for (const codec::placed_frame& frame : frames.covering(0, frames.plain_size())) {
    if (frame.sizes.plain > plain_max) continue;
    const auto stored =
        file.subspan(static_cast<std::size_t>(frame.stored_start), frame.sizes.stored);
    std::vector<std::byte> plain(frame.sizes.plain);
    require(!reading.decode_range(stored, frame.sizes.plain, 0, plain),
            "a walked frame is decoded piece by piece");
    std::vector<std::byte> whole(frame.sizes.plain);
    require(!reading.decode_whole(stored, whole) && whole == plain,
            "a walked frame is decoded at once to the same bytes");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto file = fuzz::input_bytes(data, size).subspan(1);
  const walked at_once = walk(file, std::max<std::size_t>(1, file.size()));
  require(at_once == walk(file, data[0] % 31 + std::size_t{1}),
          "a walk does not depend on the pieces");
  if (at_once.state == codec::walk_state::complete) check_table(file, at_once.frames);
  require((at_once.frames.stored_size() == file.size()) ==
              (at_once.state == codec::walk_state::table_missing || file.empty()),
          "frames without a table end where the file ends");
  check_frames(file, at_once.frames);
  return 0;
}
