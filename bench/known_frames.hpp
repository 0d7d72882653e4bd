// Where the frames of a compressed file lie, for yardsticks that only decode them.
#pragma once

#include <unistd.h>

#include <array>
#include <span>
#include <stdexcept>
#include <system_error>
#include <vector>

#include "codec/frame_index.hpp"
#include "codec/seek_table.hpp"
#include "settings.hpp"

namespace conduit::bench {

// The frames of a sealed file as its table lists them.
class known_frames {
 public:
  explicit known_frames(int fd) {
    const off_t size = ::lseek(fd, 0, SEEK_END);
    require(size >= 0, "lseek");
    const auto file_size = static_cast<std::uint64_t>(size);
    std::array<std::byte, codec::seek_table_footer_size> footer{};
    read_exactly(fd, footer, file_size - footer.size());
    const auto table_size = codec::seek_table_size(footer, file_size);
    if (!table_size) throw std::runtime_error("no seek table");
    std::vector<std::byte> table(*table_size);
    read_exactly(fd, table, file_size - table.size());
    codec::frame_index index;
    if (const std::error_code error = codec::parse_seek_table(table, file_size, index))
      throw std::system_error(error);
    for (std::size_t i = 0; i < index.count(); ++i) frames_.push_back(index[i]);
    for (const codec::placed_frame& frame : frames_) {
      if (frame.sizes.plain != frame_bytes())
        throw std::runtime_error("frames of another size than expected");
    }
  }

  std::size_t frame_bytes() const { return frames_.front().sizes.plain; }
  std::size_t count() const { return frames_.size(); }
  const codec::placed_frame& operator[](std::size_t index) const { return frames_[index]; }
  // All frames are of one size: nothing has to be searched.
  const codec::placed_frame& covering(std::uint64_t plain_offset) const {
    return frames_[plain_offset / frame_bytes()];
  }

 private:
  static void read_exactly(int fd, std::span<std::byte> to, std::uint64_t offset) {
    require(::pread(fd, to.data(), to.size(), static_cast<off_t>(offset)) ==
                static_cast<ssize_t>(to.size()),
            "pread");
  }

  std::vector<codec::placed_frame> frames_;
};

}  // namespace conduit::bench
