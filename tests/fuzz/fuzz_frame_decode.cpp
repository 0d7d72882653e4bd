// Frames from a hostile hand, read whole and in part. The input: three u32 (plain size, start and
// size of the part; each is taken modulo what makes sense), then the frame.
#include <algorithm>
#include <conduit/error.hpp>
#include <system_error>
#include <vector>

#include "base/little_endian.hpp"
#include "codec/frame.hpp"
#include "codec/frame_header.hpp"
#include "invariant.hpp"

namespace {

using namespace conduit;
using fuzz::require;

constexpr std::uint32_t plain_size_max = 1U << 18U;

void check_header(std::span<const std::byte> stored) {
  codec::frame_header header;
  if (codec::inspect_frame_header(stored, header) != codec::header_state::whole) return;
  require(header.header_size <= stored.size() && header.header_size <= codec::frame_header_size_max,
          "a header lies within its frame");
  codec::frame_header again;
  const auto state = codec::inspect_frame_header(stored.first(header.header_size - 1), again);
  require(state == codec::header_state::cut, "a header lacks its last byte");
}

void check_error(std::error_code error) {
  require(!error || error == errc::corrupt, "bad bytes are corrupt, and nothing else");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t parameters_size = 12;
  if (size < parameters_size) return 0;
  const auto input = fuzz::input_bytes(data, size);
  const auto stored = input.subspan(parameters_size);
  const std::uint32_t plain_size =
      load_little_endian<std::uint32_t>(input.data()) % (plain_size_max + 1);
  const std::uint32_t start = load_little_endian<std::uint32_t>(&input[4]) % (plain_size + 1);
  const std::uint32_t part_size =
      load_little_endian<std::uint32_t>(&input[8]) % (plain_size - start + 1);

  check_header(stored);
  // Reused, as a reader does: a bad frame must leave nothing behind for the next one.
  static codec::decoder reading;
  std::vector<std::byte> whole(plain_size);
  const auto whole_error = reading.decode_whole(stored, whole);
  std::vector<std::byte> streamed(plain_size);
  const auto streamed_error = reading.decode_range(stored, plain_size, 0, streamed);
  std::vector<std::byte> part(part_size);
  const auto part_error = reading.decode_range(stored, plain_size, start, part);
  check_error(whole_error);
  check_error(streamed_error);
  check_error(part_error);

  // Not the other way round: decoding at once, libzstd lets a block be larger than the window,
  // which the format forbids.
  require(streamed_error || !whole_error, "what is decoded piece by piece is decoded at once");
  require(streamed_error || !part_error, "every part of a whole frame can be read");
  require(streamed_error || whole == streamed,
          "a frame gives the same bytes whichever way it is read");
  const auto expected = std::span(whole).subspan(start, part_size);
  require(whole_error || part_error ||
              std::equal(part.begin(), part.end(), expected.begin(), expected.end()),
          "a part is the part of the whole");
  return 0;
}
