#include "codec/codec_pool.hpp"

#include <algorithm>
#include <thread>

namespace conduit::codec {

decoder& decoder_of_thread() noexcept {
  thread_local decoder own;
  return own;
}

encoder& encoder_of_thread(int level) noexcept {
  thread_local int level_of_own = level;
  thread_local encoder own(level);
  if (level_of_own != level) {
    own = encoder(level);
    level_of_own = level;
  }
  return own;
}

codec_pool::codec_pool(unsigned threads)
    : threads_(threads != 0 ? threads : std::max(1U, std::thread::hardware_concurrency())),
      crew_(threads_) {}

}  // namespace conduit::codec
