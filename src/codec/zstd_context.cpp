#include "codec/zstd_context.hpp"

#include <zstd_errors.h>

#include <conduit/error.hpp>

#include "codec/frame_header.hpp"

namespace conduit::codec {

namespace {

constexpr int window_log_max = 27;
static_assert(frame_window_max == std::uint64_t{1} << unsigned{window_log_max});

}  // namespace

decompression_context make_decompression_context() noexcept {
  decompression_context context(ZSTD_createDCtx());
  // Cannot fail: the value lies within the parameter's bounds, and no frame is begun.
  if (context) ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, window_log_max);
  return context;
}

std::error_code decoding_error(std::size_t result) noexcept {
  if (ZSTD_getErrorCode(result) == ZSTD_error_memory_allocation)
    return std::make_error_code(std::errc::not_enough_memory);
  return errc::corrupt;
}

}  // namespace conduit::codec
