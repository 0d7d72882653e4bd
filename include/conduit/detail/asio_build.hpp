// Ties a program to a library that was built with the same Asio. Asio consists of headers, and its
// macros change its types and the memory that its threads keep between operations: a library and a
// program with different ones corrupt each other's memory. So both name a symbol after the Asio
// that they see, and the linker rejects a program that sees another one, with a name that tells
// which. Files of a program that use Asio without this header go unnoticed.
#pragma once

#if !defined(ASIO_STANDALONE) && !defined(ASIO_ENABLE_BOOST) && __has_include(<boost/config.hpp>)
#error \
    "conduit needs the standalone Asio: define ASIO_STANDALONE, or link " \
    "conduit::flat_file_db or use its pkg-config module, which do"
#endif

#include <asio/detail/call_stack.hpp>
#include <asio/detail/config.hpp>
#include <asio/detail/handler_tracking.hpp>
#include <asio/detail/thread_context.hpp>
#include <asio/detail/thread_info_base.hpp>
#include <asio/version.hpp>

#include <conduit/detail/exported.hpp>

#if ASIO_VERSION < 102201
#error "conduit needs Asio 1.22.1 or later"
#endif
#if !defined(ASIO_STANDALONE)
#error "conduit needs the standalone Asio, without ASIO_ENABLE_BOOST"
#endif
#if !defined(ASIO_HAS_CO_AWAIT) || !defined(ASIO_HAS_STD_COROUTINE)
#error \
    "conduit needs coroutines: compile for C++20, and define ASIO_HAS_CO_AWAIT=1 and " \
    "ASIO_HAS_STD_COROUTINE=1 where Asio does not know that this compiler has them; " \
    "conduit::flat_file_db and its pkg-config module do that"
#endif
#if !defined(ASIO_HAS_STD_ALIGNED_ALLOC)
#error \
    "conduit needs ASIO_HAS_STD_ALIGNED_ALLOC=1, as conduit::flat_file_db and its pkg-config " \
    "module define it: without, it depends on what was included before Asio how Asio gets memory"
#endif
#if !defined(ASIO_HAS_THREADS)
#error "conduit needs threads: compile with -pthread and without ASIO_DISABLE_THREADS"
#endif

// One word for each macro that changes Asio's types, or how it gets and keeps memory; empty if the
// macro has its usual value.

#if defined(ASIO_HAS_IO_URING)
#define CONDUIT_ASIO_IO_URING _ASIO_HAS_IO_URING
#else
#define CONDUIT_ASIO_IO_URING
#endif

#if defined(ASIO_HAS_IO_URING_AS_DEFAULT)
#define CONDUIT_ASIO_IO_URING_AS_DEFAULT _AS_DEFAULT
#else
#define CONDUIT_ASIO_IO_URING_AS_DEFAULT
#endif

#if defined(ASIO_HAS_EPOLL)
#define CONDUIT_ASIO_EPOLL
#else
#define CONDUIT_ASIO_EPOLL _ASIO_DISABLE_EPOLL
#endif

#if defined(ASIO_HAS_EVENTFD)
#define CONDUIT_ASIO_EVENTFD
#else
#define CONDUIT_ASIO_EVENTFD _ASIO_DISABLE_EVENTFD
#endif

#if defined(ASIO_HAS_TIMERFD)
#define CONDUIT_ASIO_TIMERFD
#else
#define CONDUIT_ASIO_TIMERFD _ASIO_DISABLE_TIMERFD
#endif

#if defined(ASIO_CUSTOM_HANDLER_TRACKING)
#define CONDUIT_ASIO_TRACKING _ASIO_CUSTOM_HANDLER_TRACKING
#elif defined(ASIO_ENABLE_HANDLER_TRACKING)
#define CONDUIT_ASIO_TRACKING _ASIO_ENABLE_HANDLER_TRACKING
#else
#define CONDUIT_ASIO_TRACKING
#endif

#if defined(ASIO_ENABLE_BUFFER_DEBUGGING)
#define CONDUIT_ASIO_BUFFERS _ASIO_ENABLE_BUFFER_DEBUGGING
#else
#define CONDUIT_ASIO_BUFFERS
#endif

#if defined(ASIO_DISABLE_SMALL_BLOCK_RECYCLING)
#define CONDUIT_ASIO_RECYCLING _ASIO_DISABLE_SMALL_BLOCK_RECYCLING
#else
#define CONDUIT_ASIO_RECYCLING
#endif

#if ASIO_RECYCLING_ALLOCATOR_CACHE_SIZE == 2
#define CONDUIT_ASIO_CACHE
#define CONDUIT_ASIO_CACHE_SIZE
#else
#define CONDUIT_ASIO_CACHE _ASIO_RECYCLING_ALLOCATOR_CACHE_SIZE_
#define CONDUIT_ASIO_CACHE_SIZE ASIO_RECYCLING_ALLOCATOR_CACHE_SIZE
#endif

#if defined(ASIO_DISABLE_AWAITABLE_FRAME_RECYCLING)
#define CONDUIT_ASIO_FRAMES _ASIO_DISABLE_AWAITABLE_FRAME_RECYCLING
#else
#define CONDUIT_ASIO_FRAMES
#endif

#if defined(ASIO_HAS_BOOST_ALIGN)
#define CONDUIT_ASIO_ALIGN _ASIO_HAS_BOOST_ALIGN
#else
#define CONDUIT_ASIO_ALIGN
#endif

#if defined(ASIO_NO_EXCEPTIONS)
#define CONDUIT_ASIO_EXCEPTIONS _ASIO_NO_EXCEPTIONS
#else
#define CONDUIT_ASIO_EXCEPTIONS
#endif

#if defined(ASIO_NO_TYPEID)
#define CONDUIT_ASIO_TYPEID _ASIO_NO_TYPEID
#else
#define CONDUIT_ASIO_TYPEID
#endif

#if defined(ASIO_HAS_THREAD_KEYWORD_EXTENSION)
#define CONDUIT_ASIO_KEYWORD
#else
#define CONDUIT_ASIO_KEYWORD _ASIO_DISABLE_THREAD_KEYWORD_EXTENSION
#endif

// Releases before 1.30 ask a handler's hooks for its memory.
#if defined(ASIO_DISABLE_HANDLER_HOOKS)
#define CONDUIT_ASIO_HOOKS _ASIO_DISABLE_HANDLER_HOOKS
#else
#define CONDUIT_ASIO_HOOKS
#endif

// Later releases: strands.
#if defined(ASIO_DISABLE_STD_ATOMIC_WAIT)
#define CONDUIT_ASIO_ATOMIC_WAIT _ASIO_DISABLE_STD_ATOMIC_WAIT
#else
#define CONDUIT_ASIO_ATOMIC_WAIT
#endif

#define CONDUIT_JOIN(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s) \
  a##b##c##d##e##f##g##h##i##j##k##l##m##n##o##p##q##r##s
#define CONDUIT_JOIN_EXPANDED(...) CONDUIT_JOIN(__VA_ARGS__)
#define CONDUIT_ASIO_BUILD                                                                   \
  CONDUIT_JOIN_EXPANDED(conduit_flat_file_db_is_not_built_for_ASIO_VERSION_, ASIO_VERSION,   \
                        CONDUIT_ASIO_IO_URING, CONDUIT_ASIO_IO_URING_AS_DEFAULT,             \
                        CONDUIT_ASIO_EPOLL, CONDUIT_ASIO_EVENTFD, CONDUIT_ASIO_TIMERFD,      \
                        CONDUIT_ASIO_TRACKING, CONDUIT_ASIO_BUFFERS, CONDUIT_ASIO_RECYCLING, \
                        CONDUIT_ASIO_CACHE, CONDUIT_ASIO_CACHE_SIZE, CONDUIT_ASIO_FRAMES,    \
                        CONDUIT_ASIO_ALIGN, CONDUIT_ASIO_EXCEPTIONS, CONDUIT_ASIO_TYPEID,    \
                        CONDUIT_ASIO_KEYWORD, CONDUIT_ASIO_HOOKS, CONDUIT_ASIO_ATOMIC_WAIT)

extern "C" CONDUIT_EXPORTED const char CONDUIT_ASIO_BUILD;

namespace conduit::detail {

#if __has_attribute(retain)
#define CONDUIT_KEPT [[gnu::used, gnu::retain]]
#else
#define CONDUIT_KEPT [[gnu::used]]
#endif

// One in each file: two files of a program may see different ones.
CONDUIT_KEPT static const char* const asio_build_of_this_file = &CONDUIT_ASIO_BUILD;

using loops_of_thread =
    asio::detail::call_stack<asio::detail::thread_context, asio::detail::thread_info_base>;

// Tells whether the library finds this loop among those that the calling thread runs.
bool library_sees_loop(asio::detail::thread_context& loop) noexcept;

// Tells whether the calling code and the library find the same loops. Compiled by the caller.
inline bool shares_asio() {
  asio::detail::thread_context loop;
  asio::detail::thread_info_base thread;
  const loops_of_thread::context running(&loop, thread);
  return library_sees_loop(loop);
}

}  // namespace conduit::detail
