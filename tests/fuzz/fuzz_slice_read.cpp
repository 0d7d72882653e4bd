// A slice of a blob in a compressed file from a hostile hand, read as a get does it: from the seek
// table or a walk to the frames that cover the slice, and to their plain bytes. The input: a byte
// of switches (below), four u32 (start and size of the blob, start and end of the slice), then the
// file.
#include <algorithm>
#include <atomic>
#include <conduit/error.hpp>
#include <memory>
#include <optional>
#include <system_error>
#include <vector>

#include "base/little_endian.hpp"
#include "codec/zstd_context.hpp"
#include "files/exact_transfers.hpp"
#include "files/file_frames.hpp"
#include "files/frame_loading.hpp"
#include "get/frame_decoding.hpp"
#include "get/slice_range.hpp"
#include "invariant.hpp"
#include "memory_disk.hpp"

namespace {

using namespace conduit;
using fuzz::memory_disk;
using fuzz::require;

using bytes_view = std::span<const std::byte>;

constexpr int some_file = -1;
constexpr unsigned within_the_file = 1;  // blob and slice are taken modulo what there is
constexpr unsigned kept_frames =
    2;  // frames at the slice's edges are decoded whole, as for the frame cache
constexpr unsigned walk_only = 4;  // as where no table is believed
constexpr unsigned far_away = 8;   // the blob begins near the end of all offsets
constexpr std::uint64_t slice_max = 1U << 20U;
constexpr std::uint32_t kept_frame_max = 1U << 21U;

struct request {
  unsigned switches;
  data_location where;
  slice part;
};

// ---- what libzstd makes of one frame

// The first `size` plain bytes; nothing where it finds a fault before them or, at the frame's end,
// behind them.
std::optional<std::vector<std::byte>> by_libzstd(bytes_view stored, std::size_t size,
                                                 bool to_the_end) {
  static const codec::decompression_context context = codec::make_decompression_context();
  ZSTD_DCtx_reset(context.get(), ZSTD_reset_session_only);
  std::vector<std::byte> plain(size + (to_the_end ? 1 : 0));
  ZSTD_inBuffer in{stored.data(), std::min<std::size_t>(stored.size(), 5),
                   0};  // no whole frame: that would be decoded at once
  ZSTD_outBuffer out{plain.data(), plain.size(), 0};
  for (;;) {
    const std::size_t before = in.pos + out.pos;
    const std::size_t result = ZSTD_decompressStream(context.get(), &out, &in);
    if (ZSTD_isError(result) != 0) return std::nullopt;
    if (result == 0) break;
    if (!to_the_end && out.pos == out.size) break;
    if (in.pos == in.size && in.size < stored.size()) {
      in.size = stored.size();
    } else if (in.pos + out.pos == before) {
      return std::nullopt;
    }
  }
  if (out.pos != size || (to_the_end && in.pos != stored.size())) return std::nullopt;
  plain.resize(size);
  return plain;
}

std::optional<std::vector<std::byte>> at_once_by_libzstd(bytes_view stored, std::size_t size) {
  std::vector<std::byte> plain(size);
  static const codec::decompression_context context = codec::make_decompression_context();
  const std::size_t result =
      ZSTD_decompressDCtx(context.get(), plain.data(), plain.size(), stored.data(), stored.size());
  if (ZSTD_isError(result) != 0 || result != size) return std::nullopt;
  return plain;
}

bytes_view stored_bytes(bytes_view file, const codec::placed_frame& frame) {
  return file.subspan(static_cast<std::size_t>(frame.stored_start), frame.sizes.stored);
}

bool contains(const std::optional<std::vector<std::byte>>& plain, std::size_t skip,
              bytes_view part) {
  return plain &&
         std::equal(part.begin(), part.end(), plain->begin() + static_cast<std::ptrdiff_t>(skip));
}

// Of a bad frame a part may be read that ends before the fault, and of one whose only fault is a
// block larger than its window, all.
void check_part(bytes_view file, const codec::placed_frame& frame, std::size_t skip,
                bytes_view part) {
  const bytes_view stored = stored_bytes(file, frame);
  const bool right = contains(by_libzstd(stored, skip + part.size(), false), skip, part) ||
                     contains(at_once_by_libzstd(stored, frame.sizes.plain), skip, part);
  require(right, "what is read of a frame is what libzstd decodes there");
}

// ---- the read

struct read_result {
  std::error_code error;
  std::vector<std::byte> bytes;
};

struct looked_at {
  codec::frame_index frames;
  codec::walk_state state = codec::walk_state::complete;
};

looked_at look(memory_disk& disk, bool walk) {
  files::loaded_frames found;
  std::error_code error = errc::corrupt;
  if (!walk) error = files::read_seek_table(disk, some_file, found);
  require(!error || error == errc::corrupt, "a table is believed or it is not");
  if (error) error = files::walk_frames(disk, some_file, found);
  require(!error, "a file in memory can be walked");
  return {found.frames, found.state};
}

void add_part(detail::frame_decoding& chunk, const codec::placed_frame& frame, std::uint64_t start,
              std::span<std::byte> to, bool keep) {
  detail::frame_part part;
  part.frame = frame;
  const std::uint64_t begin = std::max(frame.plain_start, start);
  part.skip = static_cast<std::uint32_t>(begin - frame.plain_start);
  part.size = static_cast<std::size_t>(std::min(frame.plain_end(), start + to.size()) - begin);
  part.to = to.data() + (begin - start);
  if (keep && !part.whole() && frame.sizes.plain <= kept_frame_max)
    part.keep = std::make_shared<blob>(frame.sizes.plain);
  chunk.parts.push_back(std::move(part));
}

read_result read(memory_disk& disk, const looked_at& known, std::uint64_t start,
                 std::uint64_t length, bool keep) {
  detail::file_frames frames;
  frames.learn(known.frames);
  read_result result;
  std::vector<codec::placed_frame> covering;
  if (!frames.find(start, start + length, covering)) {
    result.error = known.state == codec::walk_state::bad ? errc::corrupt : errc::out_of_range;
    return result;
  }
  result.bytes.resize(static_cast<std::size_t>(length));
  if (length == 0) return result;
  require(!covering.empty(), "known plain bytes are covered by frames");
  detail::frame_decoding chunk;
  for (const codec::placed_frame& frame : covering)
    add_part(chunk, frame, start, result.bytes, keep);
  std::size_t wanted = 0;
  for (const detail::frame_part& part : chunk.parts) wanted += part.size;
  require(wanted == length, "the parts of the frames are the slice");
  chunk.stored_start = covering.front().stored_start;
  chunk.stored = blob(static_cast<std::size_t>(covering.back().stored_end() - chunk.stored_start));
  require(!files::read_exact(disk, some_file, {chunk.stored.data(), chunk.stored.size()},
                             chunk.stored_start),
          "frames lie within the file");
  const std::atomic<bool> stop{false};
  detail::read_counters counters;
  chunk.from_memory();
  chunk.work(stop, counters);
  if (const detail::frame_part* const failed = chunk.failed()) result.error = failed->error;
  return result;
}

void check(bytes_view file, const looked_at& known, std::uint64_t start, std::uint64_t end,
           const read_result& result) {
  require(!result.error || result.error == errc::corrupt || result.error == errc::out_of_range,
          "bad bytes are corrupt, and nothing else");
  bool all_whole = true;
  for (const codec::placed_frame& frame : known.frames.covering(start, end)) {
    const std::uint64_t begin = std::max(frame.plain_start, start);
    const auto skip = static_cast<std::size_t>(begin - frame.plain_start);
    const auto size = static_cast<std::size_t>(std::min(frame.plain_end(), end) - begin);
    if (!result.error)
      check_part(file, frame, skip,
                 bytes_view(result.bytes).subspan(static_cast<std::size_t>(begin - start), size));
    if (frame.sizes.plain > kept_frame_max ||
        !by_libzstd(stored_bytes(file, frame), frame.sizes.plain, true))
      all_whole = false;
  }
  if (all_whole && end <= known.frames.plain_size())
    require(!result.error, "a slice of whole frames can be read");
}

request request_of(bytes_view input, std::uint64_t plain_size) {
  const auto number = [&](std::size_t index) -> std::uint64_t {
    return load_little_endian<std::uint32_t>(&input[1 + 4 * index]);
  };
  request wanted{std::to_integer<unsigned>(input[0]), {}, {}};
  if ((wanted.switches & within_the_file) != 0) {
    wanted.where.start = number(0) % (plain_size + 1);
    wanted.where.end = wanted.where.start + number(1) % (plain_size - wanted.where.start + 1);
    wanted.part.start = number(2) % (wanted.where.size() + 1);
    wanted.part.end =
        wanted.part.start +
        number(3) % (std::min(wanted.where.size() - wanted.part.start, slice_max) + 1);
  } else {
    const std::uint64_t base = (wanted.switches & far_away) != 0 ? ~std::uint64_t{0} << 32U : 0;
    wanted.where.start = base + number(0);
    wanted.where.end = wanted.where.start + number(1);
    wanted.part = {number(2), number(3)};
  }
  return wanted;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t parameters_size = 17;
  if (size < parameters_size) return 0;
  const auto input = fuzz::input_bytes(data, size);
  const auto file = input.subspan(parameters_size);
  memory_disk disk(file);
  const looked_at known = look(disk, (std::to_integer<unsigned>(input[0]) & walk_only) != 0);
  const request wanted = request_of(input, known.frames.plain_size());
  const detail::file_range range = detail::range_of(wanted.where, wanted.part);
  if (!range.valid ||
      (range.length > slice_max && range.start + range.length <= known.frames.plain_size()))
    return 0;
  const read_result result =
      read(disk, known, range.start, range.length, (wanted.switches & kept_frames) != 0);
  require(result.error || (result.bytes.size() == range.length &&
                           range.start + range.length <= known.frames.plain_size()),
          "data is never short");
  check(file, known, range.start, range.start + range.length, result);
  require(disk.changes() == 0, "a read changes nothing");
  return 0;
}
