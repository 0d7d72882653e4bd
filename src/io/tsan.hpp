// Tells ThreadSanitizer about an order it cannot see: the kernel orders a ring's submission before
// its completion.
#pragma once

#if defined(__SANITIZE_THREAD__)
#define CONDUIT_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define CONDUIT_TSAN 1
#endif
#endif

#ifdef CONDUIT_TSAN
extern "C" void __tsan_acquire(void* address);
extern "C" void __tsan_release(void* address);
#endif

namespace conduit::io {

inline void handed_to_kernel([[maybe_unused]] void* request) noexcept {
#ifdef CONDUIT_TSAN
  __tsan_release(request);
#endif
}

inline void returned_by_kernel([[maybe_unused]] void* request) noexcept {
#ifdef CONDUIT_TSAN
  __tsan_acquire(request);
#endif
}

}  // namespace conduit::io
