// The path of a get through a compressed file: find the frames that cover the slice, read them, and
// decode their plain bytes to their destination. It goes in chunks, so that memory does not grow
// with the slice, and one step at a time: each step hands the operation to somebody (the engine, a
// helper thread, the codec pool, another read), whose completion begins the next step.
#pragma once

#include <conduit/detail/operations.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <system_error>
#include <vector>

#include "files/file_frames.hpp"
#include "get/frame_decoding.hpp"
#include "get/frame_look.hpp"
#include "store/binding.hpp"

namespace conduit::detail {

// Belongs to its operation and uses its members: a part of the operation that exists only for
// compressed files. Runs on threads of the operation's context, except where marked.
class framed_read {
 public:
  explicit framed_read(get_op& op) noexcept : op_(op), waits_(op.owner->state->waits) {}
  framed_read(const framed_read&) = delete;
  framed_read& operator=(const framed_read&) = delete;
  ~framed_read() { give_up_leads(); }

  // The file is open: for the first time, or again.
  void begin();
  // The current step is done.
  void go_on();

 private:
  enum class step : std::uint8_t {
    following_look,
    looking,
    following_frame,
    reading,
    decoding,
    finished
  };

  // ---- finding the frames
  void locate();
  bool covered();
  void look();
  void wait_for_lock();
  static void look_under_lock(completion& waiting, std::error_code refused,
                              const lock::lock_description& held) noexcept;
  void looked();
  void fail_uncovered();
  bool wants_lock() const noexcept;

  // ---- one chunk after the other
  void start_chunks();
  void next_chunk();
  void plan_chunk();
  void add_part(const codec::placed_frame& frame);
  void shorten_chunk(std::vector<frame_part>::iterator first);
  void read_chunk();
  void read_stored();
  void attempt();
  void transferred();
  void decode();
  bool decodes_here(std::uint64_t plain_bytes) const noexcept;
  void decode_in_pool();
  static void decode_queued(completion& read) noexcept;  // on a thread of the codec pool
  void work_in_pool() noexcept;                          // the same
  bool add_worker() noexcept;
  bool comes_again() noexcept;
  void decoded();
  void serve_followed();
  void take_over_followed();
  void serve(const frame_part& part, const blob& bytes) noexcept;

  // False if there was no memory: then the operation has ended. If `action` throws it must not have
  // handed the operation on.
  template <typename Action>
  bool with_memory(Action action) {
    try {
      action();
      return true;
    } catch (const std::bad_alloc&) {
      fail(std::make_error_code(std::errc::not_enough_memory));
      return false;
    }
  }
  void reopen(std::shared_ptr<data_file> known = nullptr);
  void fail(std::error_code error);
  void fail_corrupt(std::uint64_t offset, const char* what);
  bool abandoned() const noexcept { return op_.abandoned.load(std::memory_order_relaxed); }

  bool try_lead(const frame_key& work);
  void land(const frame_key& work, const decoded_frame& result) noexcept;
  void give_up_leads() noexcept;
  frame_key key_of(const codec::placed_frame& frame) const noexcept;
  frame_key key_of_look() const noexcept;

  binding& where() const noexcept { return *op_.owner; }
  store_state& state() const noexcept { return *op_.owner->state; }

  get_op& op_;
  const std::shared_ptr<read_waits> waits_;  // the operation releases its store before it ends
  step step_ = step::looking;
  std::uint64_t start_ = 0;  // plain bytes of the file: the slice
  std::uint64_t end_ = 0;
  std::uint64_t position_ = 0;  // served up to here, or in this chunk
  std::shared_ptr<file_frames> known_;
  std::shared_ptr<data_file> known_opening_;  // while the same file is opened again
  std::vector<frame_key> leads_;              // work that other reads may be waiting for
  bool inline_only_ = true;                   // no step had to wait

  frame_look look_;
  frame_decoding chunk_;
  bool tries_page_cache_ = false;     // the chunk was planned for that
  std::uint64_t stored_end_ = 0;      // of the chunk
  std::vector<frame_part> followed_;  // of the chunk: frames that another read is decoding
  decoded_frame followed_bytes_;      // the last one that arrived
  std::vector<codec::placed_frame> found_;
  std::atomic<unsigned> workers_{0};  // threads that decode the chunk: each subtracts itself
};

}  // namespace conduit::detail
