#include "files/both_forms.hpp"

#include <asio/error.hpp>
#include <conduit/error.hpp>

#include <cerrno>
#include <new>
#include <vector>

#include "base/os_error.hpp"
#include "base/unique_fd.hpp"
#include "codec/codec_pool.hpp"
#include "files/frame_loading.hpp"
#include "files/passing_reader.hpp"

namespace conduit::files {

namespace {

// `opened` stays empty if there is no such file, or no regular one.
std::error_code open_form(io::file_io& disk, int directory, file_id file, unique_fd& opened,
                          io::file_status& status) {
  const std::int64_t fd = disk.open(directory, file_name(file).c_str(), io::open_mode::read, 0);
  if (fd == -ENOENT || is_irregular(fd)) return {};
  if (fd < 0) return os_error(fd);
  opened = unique_fd(static_cast<int>(fd));
  const std::error_code error = os_error(disk.status(opened.get(), status));
  if (error || !status.regular) opened.reset();
  return error;
}

std::error_code compare_frame(passing_reader& plain, passing_reader& compressed,
                              const codec::placed_frame& frame, bool& equal) {
  std::vector<std::byte> stored(frame.sizes.stored);
  std::vector<std::byte> decoded(frame.sizes.plain);
  std::vector<std::byte> expected(frame.sizes.plain);
  std::error_code error = compressed.read_exact(stored, frame.stored_start);
  if (!error) error = plain.read_exact(expected, frame.plain_start);
  if (!error && frame.sizes.plain != 0)
    error = codec::decoder_of_thread().decode_whole(stored, decoded);
  equal = !error && decoded == expected;
  return error;
}

}  // namespace

std::error_code compare_forms(io::file_io& disk, int directory, std::uint32_t number,
                              const std::function<bool()>& go_on, form_comparison& found) try {
  found = {};
  unique_fd plain;
  unique_fd compressed;
  std::error_code error =
      open_form(disk, directory, {number, file_form::plain}, plain, found.plain);
  if (!error)
    error = open_form(disk, directory, {number, file_form::zstd}, compressed, found.compressed);
  if (error) return error;
  found.both = plain && compressed;
  found.equal = found.both && found.plain.size == 0;
  if (!found.both || found.equal) return {};
  loaded_frames table;
  error = read_seek_table(disk, compressed.get(), table);
  passing_reader plain_bytes(disk, plain.get());
  passing_reader compressed_bytes(disk, compressed.get());
  bool equal = !error && table.frames.plain_size() == found.plain.size;
  for (std::size_t i = 0; equal && i < table.frames.count(); ++i) {
    if (!go_on()) return asio::error::operation_aborted;
    error = compare_frame(plain_bytes, compressed_bytes, table.frames[i], equal);
  }
  found.equal = equal && !error;
  return error == errc::corrupt ? std::error_code{} : error;
} catch (const std::bad_alloc&) {
  return std::make_error_code(std::errc::not_enough_memory);
}

}  // namespace conduit::files
