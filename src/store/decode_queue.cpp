#include "store/decode_queue.hpp"

#include <algorithm>
#include <chrono>
#include <exception>

namespace conduit::detail {

namespace {

using clock = std::chrono::steady_clock;

// Then a thread does what else waits for the pool.
constexpr std::chrono::milliseconds turn{8};

}  // namespace

bool decode_queue::wants_help() noexcept {
  const std::lock_guard hold(mutex_);
  // Or a thread of the pool might run out of work meanwhile: waking it takes about as long as
  // decoding a small frame.
  if (count_ < pool_.threads()) return false;
  loops_help_ = true;
  pushes_ = 0;
  return true;
}

bool decode_queue::push(completion& read, work* decode) noexcept {
  const std::lock_guard hold(mutex_);
  decode_ = decode;
  // While a loop decodes one frame, the threads of the pool decode about one each.
  if (++pushes_ > 2 * pool_.threads()) loops_help_ = false;
  if (serving_ < threads_wanted()) {
    try {
      pool_.post([this] { serve(); });
      ++serving_;
    } catch (const std::exception&) {
      if (serving_ == 0) return false;
    }
  }
  reads_.push_back(read);
  ++count_;
  return true;
}

unsigned decode_queue::threads_wanted() const noexcept {
  return loops_help_ ? std::max(1U, pool_.threads() - 1) : pool_.threads();
}

void decode_queue::serve() noexcept {
  const clock::time_point begin = clock::now();
  std::unique_lock hold(mutex_);
  while (!reads_.empty() && serving_ <= threads_wanted()) {
    completion& read = reads_.pop_front();
    work* const decode = decode_;
    --count_;
    hold.unlock();
    decode(read);
    const bool is_over = clock::now() - begin >= turn;
    hold.lock();
    if (is_over && !reads_.empty() && passes_on()) return;
  }
  --serving_;
  if (reads_.empty()) loops_help_ = false;
}

// True if another task of the pool goes on in place of this one.
bool decode_queue::passes_on() noexcept try {
  pool_.post([this] { serve(); });
  return true;
} catch (const std::exception&) {
  return false;
}

}  // namespace conduit::detail
