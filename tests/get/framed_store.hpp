// A store with compressed files that a test made itself.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "codec/frames.hpp"
#include "files/file_name.hpp"
#include "support/bytes.hpp"
#include "support/machine.hpp"

namespace conduit::test {

inline std::string_view text(const byte_vector& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline data_location at(std::uint32_t number, std::uint64_t start, std::uint64_t end) {
  data_location where;
  where.file_number = number;
  where.start = start;
  where.end = end;
  return where;
}

// A store of two compressed files, the first of `count` frames of `frame_bytes` each, the second
// mutable and empty.
struct framed_store {
  framed_store(std::size_t count, std::size_t frame_bytes, const machine::change& adjust = {})
      : host(adjust) {
    std::filesystem::create_directory(host.how.data_directory);
    for (std::size_t i = 0; i < count; ++i) {
      const byte_vector bytes = i % 2 == 0 ? text_of(i, frame_bytes) : noise_of(i, frame_bytes);
      plain += text(bytes);
      frames.add_plain(bytes);
    }
    write(0, frames.with_table());
    write(1, {});
    write_file(host.lock_path(), "");
  }

  std::filesystem::path path(std::uint32_t number) const {
    return host.how.data_directory / files::file_name(number, file_form::zstd).text();
  }
  void write(std::uint32_t number, const byte_vector& content) const {
    write_file(path(number), text(content));
  }

  machine host;
  std::string plain;
  file_of_frames frames;
};

inline void read_only(options& how) { how.read_only = true; }

}  // namespace conduit::test
