// The reads of one `get_many`: requests that lie near each other in a file become one run, which is
// read at once and cut into the results. A few runs are under way at a time.
#pragma once

#include <conduit/detail/many_op.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <system_error>
#include <vector>

#include "files/file_frames.hpp"
#include "get/slice_range.hpp"
#include "store/binding.hpp"

namespace conduit::detail {

class many_reads final : public std::enable_shared_from_this<many_reads> {
 public:
  explicit many_reads(many_op& op) noexcept : op_(op), where_(op.owner) {}
  many_reads(const many_reads&) = delete;
  many_reads& operator=(const many_reads&) = delete;

  // Throws std::bad_alloc; then nothing has begun.
  void plan();
  void begin();
  void cancel() noexcept;

 private:
  // Bytes of one file that are read at once, for the requests `order_[first]` to `order_[last -
  // 1]`.
  struct run {
    std::size_t first = 0;
    std::size_t last = 0;
    std::uint64_t start = 0;  // bytes from the file's start
    std::uint64_t end = 0;
    std::uint64_t wanted = 0;  // bytes of all requests, which may overlap

    bool single() const noexcept { return last - first == 1; }
  };

  // Keeps all of this.
  class inner_get final : public get_op {
   public:
    inner_get(std::shared_ptr<many_reads> reads, std::size_t place, const run& wanted) noexcept
        : reads_(std::move(reads)), place_(place), wanted_(wanted) {}
    void end(finish way) override { reads_->ended(*this, way); }

    std::shared_ptr<many_reads> take_reads() noexcept { return std::move(reads_); }
    std::size_t place() const noexcept { return place_; }
    const run& wanted() const noexcept { return wanted_; }

   private:
    std::shared_ptr<many_reads> reads_;
    const std::size_t place_;  // in `gets_`
    const run wanted_;
  };

  using held = std::unique_lock<std::mutex>;

  void add(std::size_t index);
  bool lies_near(const run& before, const read_request& request);
  bool shares_frame(const run& before, const file_range& range);
  // Call it in the critical section in which a run was subtracted: so one call sees the end.
  void go_on(held& hold, bool in_initiation);
  void read(held& hold, const run& wanted);
  bool read_at_once(const run& wanted);
  inner_get* make_get(const run& wanted);
  void ended(inner_get& get, finish how);
  void cut(const run& wanted, blob bytes);
  void fail(const run& wanted, std::error_code error);

  many_op& op_;
  const std::shared_ptr<binding> where_;
  std::vector<std::size_t> order_;  // of the requests, by their place in the store
  // While runs are planned: frames of the file of the last run, if it is open and compressed.
  std::shared_ptr<file_frames> frames_;
  std::vector<codec::placed_frame> found_frames_;

  std::mutex mutex_;  // guards all below
  std::vector<run> runs_;
  std::size_t next_ = 0;             // the first run that nobody has begun
  std::size_t running_ = 0;          // runs that were begun and have not ended
  bool looping_ = false;             // a thread begins runs
  bool again_ = false;               // it shall look once more
  std::uint64_t at_once_bytes_ = 0;  // that it has copied itself
  bool cancelled_ = false;
  bool dropped_ = false;  // the context is being destroyed
  std::vector<std::unique_ptr<std::optional<inner_get>>> gets_;
  std::vector<std::size_t> free_;  // of `gets_`
};

}  // namespace conduit::detail
