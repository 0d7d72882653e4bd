// Reads of compressed files whose frames one thread decodes. The threads of the pool and the loops'
// threads share them: a loop that finds many waiting decodes its own, and then the pool works with
// one thread less. Otherwise there would be more busy threads than processors: with two of these,
// 4 KiB slices of frames of 64 KiB came at 0.85 of the rate.
#pragma once

#include <conduit/detail/completion.hpp>
#include <cstddef>
#include <mutex>

#include "base/intrusive_list.hpp"
#include "codec/codec_pool.hpp"

namespace conduit::detail {

// For any thread; one for each store.
class decode_queue {
 public:
  // Decodes for the read and delivers it: it may be gone afterwards.
  using work = void(completion& read) noexcept;

  explicit decode_queue(codec::codec_pool& pool) noexcept : pool_(pool) {}

  // For a loop: true if it shall decode its read itself.
  bool wants_help() noexcept;
  // A thread of the pool will call `decode`, which is the same function for all reads. False if
  // there is no memory or no thread for that; then nothing has happened.
  bool push(completion& read, work* decode) noexcept;

 private:
  void serve() noexcept;  // on a thread of the pool
  bool passes_on() noexcept;
  unsigned threads_wanted() const noexcept;

  codec::codec_pool& pool_;
  std::mutex mutex_;  // guards all below
  work* decode_ = nullptr;
  work_queue reads_;
  std::size_t count_ = 0;
  unsigned serving_ = 0;  // threads of the pool
  bool loops_help_ = false;
  unsigned pushes_ = 0;  // since a loop helped
};

}  // namespace conduit::detail
