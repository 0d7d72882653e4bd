// Compressed files from a hostile hand, recovered: as a person asks for it, and as the next holder
// of the lock does it. The input: u32 that says where a crash cuts the recovery short, u32 that a
// lock record names as the file's end (the highest bit: there is no record), then the file.
#include <algorithm>
#include <conduit/reports.hpp>
#include <memory>
#include <optional>
#include <system_error>
#include <vector>

#include "base/little_endian.hpp"
#include "codec/zstd_context.hpp"
#include "files/frame_loading.hpp"
#include "files/torn_tail.hpp"
#include "invariant.hpp"
#include "memory_disk.hpp"
#include "put/tail.hpp"

namespace {

using namespace conduit;
using fuzz::memory_disk;
using fuzz::require;

using bytes_view = std::span<const std::byte>;

constexpr int some_file = -1;

detail::tail tail_of(const codec::frame_index& frames) {
  detail::tail at;
  at.file = std::make_shared<detail::append_file>();
  at.frames = std::make_shared<detail::file_frames>();
  at.frames->learn(frames);
  at.end = frames.stored_size();
  at.table.append(frames);
  return at;
}

bool begins_with(bytes_view file, bytes_view start) {
  return start.size() <= file.size() && std::equal(start.begin(), start.end(), file.begin());
}

// What libzstd itself makes of the file from its first byte to its last, the table included.
void check_by_libzstd(bytes_view file, std::uint64_t plain_size) {
  static const codec::decompression_context context = codec::make_decompression_context();
  ZSTD_DCtx_reset(context.get(), ZSTD_reset_session_only);
  std::vector<std::byte> plain(ZSTD_DStreamOutSize());
  ZSTD_inBuffer in{file.data(), file.size(), 0};
  std::uint64_t decoded = 0;
  std::size_t result = 0;
  while (in.pos < in.size) {
    ZSTD_outBuffer out{plain.data(), plain.size(), 0};
    result = ZSTD_decompressStream(context.get(), &out, &in);
    require(ZSTD_isError(result) == 0, "libzstd decodes what was mended");
    decoded += out.pos;
  }
  require(result == 0 && decoded == plain_size,
          "libzstd decodes as many plain bytes as the table says");
}

void check_mended(memory_disk& disk, const codec::frame_index& frames) {
  files::loaded_frames believed;
  require(!files::read_seek_table(disk, some_file, believed),
          "the table of a mended file is believed");
  require(believed.frames == frames, "the table of a mended file names its frames");
  const std::size_t changes = disk.changes();
  files::examined_file again;
  require(!files::examine_file(disk, some_file, again), "a mended file can be examined");
  require(again.outcome == recovery::nothing_to_do && again.frames == frames,
          "a second recovery finds nothing to do");
  require(disk.changes() == changes, "looking changes nothing");
  check_by_libzstd(disk.file(), frames.plain_size());
}

// As `recover_file` does.
void mend(memory_disk& disk, const codec::frame_index& frames) {
  detail::tail at = tail_of(frames);
  at.table_due = true;
  require(disk.truncate(some_file, at.end) == 0 && !detail::write_table(disk, at),
          "a file in memory is mended");
  require(detail::table_stands(disk, at, disk.file().size()),
          "the table stands behind a mended file");
}

// Cut behind such a frame the file ends in what looks like its table.
bool ends_like_a_table(bytes_view file, const codec::frame_index& frames) {
  if (frames.count() == 0) return false;
  const auto last = static_cast<std::size_t>(frames[frames.count() - 1].stored_start);
  return load_little_endian<std::uint32_t>(&file[last]) == codec::seek_table_magic;
}

// Whatever part of the table a crash leaves, what was whole stays whole, and can be mended to the
// same bytes.
void recover_after_crash(bytes_view mended, const codec::frame_index& frames, std::size_t size) {
  memory_disk disk(mended.first(size));
  files::examined_file found;
  require(!files::examine_file(disk, some_file, found), "a file half mended can be examined");
  if (size == frames.stored_size() && ends_like_a_table(mended, frames)) {
    require(found.frames.plain_size() == frames.plain_size(),
            "a file half mended has the same plain bytes");
    return;
  }
  // Without any frame and without the table it is an empty file, which is whole.
  const recovery expected = size == 0 ? recovery::nothing_to_do : recovery::mended;
  require(found.outcome == expected && found.frames == frames,
          "a file half mended has the same frames and can be mended");
  if (expected == recovery::nothing_to_do) return;
  mend(disk, found.frames);
  require(std::equal(mended.begin(), mended.end(), disk.file().begin(), disk.file().end()),
          "it is mended to the same bytes");
}

void recover_as_asked(bytes_view file, std::uint32_t crash_at) {
  memory_disk disk(file);
  files::examined_file found;
  require(!files::examine_file(disk, some_file, found), "a file in memory can be examined");
  require(disk.changes() == 0, "an examination changes nothing");
  const recovery_report report = files::report_of(found);
  require(report.offset + report.cut_bytes <= file.size(), "what is cut off lies within the file");
  if (found.outcome == recovery::damaged) return;
  if (found.outcome == recovery::nothing_to_do) return check_mended(disk, found.frames);
  require(report.offset + report.cut_bytes == file.size(),
          "whole frames and what is cut off are the file");
  mend(disk, found.frames);
  const bytes_view kept = file.first(static_cast<std::size_t>(report.offset));
  require(begins_with(disk.file(), kept), "no byte of a whole frame changes");
  check_mended(disk, found.frames);
  const std::vector<std::byte>& mended = disk.file();
  recover_after_crash(mended, found.frames, kept.size() + crash_at % (mended.size() - kept.size()));
}

// As the next put does, which knows only what the lock record says, or some frames besides.
void recover_as_holder(bytes_view file, std::optional<std::uint64_t> recorded_end,
                       const codec::frame_index& known) {
  memory_disk disk(file);
  detail::tail at = tail_of(known);
  const detail::tail_findings found = detail::examine_frames(disk, at, recorded_end);
  require(!found.error, "a file in memory is neither unreadable nor too large");
  if (found.doubt || !found.cut) {
    require(disk.changes() == 0, "a file is changed only where its end is known to be torn");
    if (!found.doubt) check_mended(disk, at.frames->copy());
    return;
  }
  require(recorded_end && *found.cut >= *recorded_end, "nothing is cut before the recorded end");
  require(*found.cut >= known.stored_size(), "no frame that was known is cut off");
  require(begins_with(disk.file(), file.first(static_cast<std::size_t>(*found.cut))),
          "nothing before the cut changes");
  require(detail::table_stands(disk, at, disk.file().size()), "the table stands behind the cut");
  check_mended(disk, at.frames->copy());
}

codec::frame_index first_half(const codec::frame_index& frames) {
  codec::frame_index half;
  for (std::size_t i = 0; i < frames.count() / 2; ++i) half.append(frames[i].sizes);
  return half;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t parameters_size = 8;
  if (size < parameters_size) return 0;
  const auto input = fuzz::input_bytes(data, size);
  const auto file = input.subspan(parameters_size);
  const auto recorded = load_little_endian<std::uint32_t>(&input[4]);
  std::optional<std::uint64_t> recorded_end;
  if (recorded >> 31U == 0) recorded_end = recorded % (file.size() + 2);

  recover_as_asked(file, load_little_endian<std::uint32_t>(input.data()));
  recover_as_holder(file, recorded_end, {});
  memory_disk disk(file);
  files::loaded_frames walked;
  require(!files::walk_frames(disk, some_file, walked), "a file in memory can be walked");
  recover_as_holder(file, recorded_end, first_half(walked.frames));
  return 0;
}
