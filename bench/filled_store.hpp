// A store with one sealed data file full of 4 KiB blobs, plain or compressed, written and allocated
// before anything is measured.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <asio/buffer.hpp>
#include <conduit/flat_file_db.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "mixed_text.hpp"
#include "workload.hpp"

namespace conduit::bench {

class file_descriptor {
 public:
  file_descriptor(const std::filesystem::path& path, int flags)
      : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0600)) {
    require(fd_ >= 0, path.c_str());
  }
  file_descriptor(const file_descriptor&) = delete;
  file_descriptor& operator=(const file_descriptor&) = delete;
  ~file_descriptor() { ::close(fd_); }

  int get() const { return fd_; }

 private:
  int fd_;
};

class filled_store {
 public:
  static constexpr std::uint64_t file_bytes = 128ULL << 20;  // plain

  // Random bytes in a plain file, text in a compressed one.
  filled_store(const settings& wanted, const scratch_directory& scratch,
               compression form = compression::none)
      : backend_(wanted.backend),
        form_(form),
        directory_(scratch / (form == compression::none ? "filled" : "filled_compressed")) {
    asio::io_context context;
    const flat_file_db db = flat_file_db::open(context, how());
    run_one(context, fill(db));
  }

  options how() const {
    options result(directory_);
    result.backend = backend_;
    result.compression = form_;
    return result;
  }
  std::filesystem::path data_file() const {
    return directory_ /
           (form_ == compression::none ? "data_00000000.dat" : "data_00000000.dat.zst");
  }

  // Of each blob, with its checksum.
  const std::vector<data_location>& locations() const { return locations_; }
  // All of the file as if it were one blob: its slices carry no checksum.
  data_location whole() const {
    data_location result;
    result.end = file_bytes;
    return result;
  }

  // Reads the file through, so that all of it lies in the page cache, and lately used.
  void warm() const {
    const file_descriptor file(data_file(), O_RDONLY);
    std::vector<char> memory(1U << 20);
    for (off_t offset = 0; ::pread(file.get(), memory.data(), memory.size(), offset) > 0;)
      offset += static_cast<off_t>(memory.size());
  }
  // Drops the file from the page cache.
  void cool() const {
    const file_descriptor file(data_file(), O_RDONLY);
    ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED);
  }

 private:
  asio::awaitable<void> fill(flat_file_db db) {
    constexpr std::size_t blobs_a_batch = 512;
    constexpr std::size_t batch_bytes = blobs_a_batch * block_bytes;
    const std::vector<char> content = form_ == compression::none ? random_bytes(batch_bytes, 1)
                                                                 : mixed_bytes(16 * batch_bytes, 1);
    std::vector<asio::const_buffer> batch(blobs_a_batch);
    for (std::size_t at = 0; locations_.size() * block_bytes < file_bytes;
         at = (at + batch_bytes) % content.size()) {
      for (std::size_t i = 0; i < blobs_a_batch; ++i)
        batch[i] = asio::const_buffer(content.data() + at + i * block_bytes, block_bytes);
      const std::vector<data_location> stored = co_await db.put_many(batch);
      locations_.insert(locations_.end(), stored.begin(), stored.end());
    }
    co_await db.sync();
    co_await db.roll();
    co_await db.close();
  }

  conduit::backend backend_;
  compression form_;
  std::filesystem::path directory_;
  std::vector<data_location> locations_;
};

// What one coroutine reads: random slices of the file, until its thread's time is over.
inline asio::awaitable<void> read_slices(flat_file_db db, data_location whole,
                                         access_pattern& pattern, stint& time) {
  const block_memory memory;
  const asio::mutable_buffer to = memory.buffer();
  do {
    const std::uint64_t offset = pattern.next();
    const slice part{offset, offset + block_bytes};
    co_await db.get_into(whole, part, to);
  } while (time.next());
}

}  // namespace conduit::bench
