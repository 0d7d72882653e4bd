#include <algorithm>
#include <asio/use_awaitable.hpp>
#include <conduit/data_location.hpp>
#include <cstdlib>
#include <fmt/format.h>
#include <memory>
#include <new>
#include <random>
#include <vector>

#include "cli/bench_run.hpp"
#include "cli/exit_status.hpp"

namespace conduit::cli {
namespace {

// All aligned blocks of the sealed files, numbered through.
class block_table {
 public:
  block_table(const std::vector<file_info>& files, std::uint64_t block_bytes)
      : block_bytes_(block_bytes) {
    for (const file_info& file : files) {
      const std::uint64_t blocks = file.sealed ? file.plain_bytes / block_bytes : 0;
      if (blocks == 0) continue;
      runs_.push_back({file.number, count_});
      count_ += blocks;
    }
  }

  std::uint64_t count() const noexcept { return count_; }

  data_location at(std::uint64_t block) const {
    const auto behind =
        std::upper_bound(runs_.begin(), runs_.end(), block,
                         [](std::uint64_t wanted, const run& one) { return wanted < one.first; });
    const run& of = *std::prev(behind);
    data_location location;
    location.file_number = of.number;
    location.start = (block - of.first) * block_bytes_;
    location.end = location.start + block_bytes_;
    return location;
  }

 private:
  struct run {
    std::uint32_t number;
    std::uint64_t first;  // of its blocks
  };

  std::uint64_t block_bytes_;
  std::vector<run> runs_;
  std::uint64_t count_ = 0;
};

// Memory as O_DIRECT wants it: elsewhere the store would copy.
class aligned_memory {
 public:
  explicit aligned_memory(std::size_t size)
      : size_(size), bytes_(static_cast<std::byte*>(::operator new(size, alignment))) {}

  asio::mutable_buffer buffer() const noexcept { return {bytes_.get(), size_}; }

 private:
  static constexpr std::align_val_t alignment{4096};
  struct deleter {
    void operator()(std::byte* bytes) const noexcept { ::operator delete(bytes, alignment); }
  };

  std::size_t size_;
  std::unique_ptr<std::byte, deleter> bytes_;
};

asio::awaitable<void> read_blocks(flat_file_db db, const block_table& blocks,
                                  std::size_t block_bytes, unsigned seed, bench_lane lane) {
  const aligned_memory memory(block_bytes);
  std::minstd_rand random(seed + 1);  // small: there may be very many coroutines
  std::uniform_int_distribution<std::uint64_t> any(0, blocks.count() - 1);
  lane.begin();
  do {
    co_await db.get_into(blocks.at(any(random)), slice(), memory.buffer());
  } while (lane.lap());
}

}  // namespace

bench_result bench_reads(event_loops& loops, const flat_file_db& db, const bench_plan& plan) {
  const block_table blocks(run_one(loops.home(), db.files()), plan.block_bytes);
  if (blocks.count() == 0) {
    throw failure(
        exit_status::failed,
        fmt::format("nothing to read: no sealed data file holds {} bytes", plan.block_bytes));
  }
  const std::vector<flat_file_db> handles = loops.handles(db);
  return measure(loops, plan, [&](unsigned index, bench_lane lane) {
    return read_blocks(handles[index % handles.size()], blocks, plan.block_bytes, index, lane);
  });
}

}  // namespace conduit::cli
