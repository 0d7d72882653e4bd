#include "support/zstd_files.hpp"

#include <conduit/error.hpp>
#include <fcntl.h>
#include <unistd.h>
#include <zstd.h>

#include <fstream>
#include <memory>
#include <span>
#include <stdexcept>
#include <vector>

#include "codec/frame_walk.hpp"
#include "codec/seek_table.hpp"
#include "files/file_name.hpp"
#include "support/bytes.hpp"
#include "support/foreign_lock.hpp"

namespace conduit::test {

namespace fs = std::filesystem;

machine compressed_host(const machine::change& adjust) {
  return machine([&](options& how) {
    how.compression = compression::zstd;
    if (adjust) adjust(how);
  });
}

fs::path zstd_path(const machine& host, std::uint32_t number) {
  return host.how.data_directory / files::file_name(number, file_form::zstd).text();
}

std::string decompressed(const fs::path& file) {
  const std::string stored = read_file(file);
  const std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> context(ZSTD_createDCtx(),
                                                                     &ZSTD_freeDCtx);
  ZSTD_inBuffer from{stored.data(), stored.size(), 0};
  std::string plain;
  std::vector<char> piece(ZSTD_DStreamOutSize());
  std::size_t left = 0;
  while (from.pos < from.size) {
    ZSTD_outBuffer to{piece.data(), piece.size(), 0};
    left = ZSTD_decompressStream(context.get(), &to, &from);
    if (ZSTD_isError(left) != 0)
      throw std::runtime_error(file.string() + ": " + ZSTD_getErrorName(left));
    plain.append(piece.data(), to.pos);
  }
  if (left != 0) throw std::runtime_error(file.string() + " ends within a frame");
  return plain;
}

codec::frame_index table_in(const fs::path& file) {
  const std::string stored = read_file(file);
  codec::frame_walk walk(stored.size());
  if (walk.feed(std::as_bytes(std::span(stored))))
    throw std::runtime_error(file.string() + " cannot be walked");
  if (walk.state() != codec::walk_state::complete)
    throw std::runtime_error(file.string() + " has no table of its frames");
  return walk.frames();
}

void cut_table(const fs::path& file) { fs::resize_file(file, table_in(file).stored_size()); }

void append_to(const fs::path& file, std::string_view bytes) {
  std::ofstream out(file, std::ios::binary | std::ios::app);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

data_location append_as_zstd_original(const machine& host, std::uint32_t number,
                                      std::string_view bytes) {
  const foreign_lock held(host.lock_path());
  const fs::path file = zstd_path(host, number);
  codec::frame_index frames = table_in(file);
  const std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> context(ZSTD_createCCtx(),
                                                                     &ZSTD_freeCCtx);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_contentSizeFlag, 0);
  std::string frame(ZSTD_compressBound(bytes.size()), '\0');
  const std::size_t size =
      ZSTD_compress2(context.get(), frame.data(), frame.size(), bytes.data(), bytes.size());
  if (ZSTD_isError(size) != 0) throw std::runtime_error(ZSTD_getErrorName(size));
  frame.resize(size);
  data_location where;
  where.file_number = number;
  where.start = frames.plain_size();
  where.end = where.start + bytes.size();
  fs::resize_file(file, frames.stored_size());
  frames.append({static_cast<std::uint32_t>(size), static_cast<std::uint32_t>(bytes.size())});
  codec::growing_table table;
  table.append(frames);
  append_to(file, frame);
  append_to(file, {reinterpret_cast<const char*>(table.bytes().data()), table.bytes().size()});
  return where;
}

}  // namespace conduit::test
