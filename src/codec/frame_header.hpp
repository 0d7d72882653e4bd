// The header of one frame, see RFC 8878 (sections 3.1.1.1 and 3.1.2): a frame's claims about
// itself, read before anything is decoded or allocated. libzstd reads headers too, but not through
// its stable interface.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace conduit::codec {

inline constexpr std::size_t frame_header_size_max = 18;
// Frames that need a larger window are not read: decoding piece by piece takes that much memory.
// The zstd program without --long has the same limit.
inline constexpr std::uint64_t frame_window_max = std::uint64_t{1} << 27U;

struct frame_header {
  std::uint32_t magic = 0;
  std::uint32_t header_size = 0;   // bytes
  bool skippable = false;          // then only `skipped_size` of the fields below has a meaning
  std::uint32_t skipped_size = 0;  // bytes of a skippable frame behind its header
  std::optional<std::uint64_t>
      content_size;  // plain bytes as pledged; frames of the Python original do not pledge
  std::uint64_t window_size = 0;  // bytes; the content size if the frame is a single segment
  std::uint32_t dictionary = 0;   // its id, 0 for none
  bool has_checksum = false;

  // Tells whether frames of this kind are read at all: no dictionary, a window within
  // `frame_window_max`, and a content size, if any, of 32 bits, which is the limit of a seek table.
  bool is_supported() const noexcept;
};

enum class header_state {
  whole,
  cut,     // these are the first bytes of a longer header
  invalid  // no frame begins like this; frames of the formats before zstd 0.8 count as none
};

// Inspects the first bytes of a frame; bytes behind the header do not matter. `header` is set if it
// is whole.
header_state inspect_frame_header(std::span<const std::byte> bytes, frame_header& header) noexcept;

}  // namespace conduit::codec
