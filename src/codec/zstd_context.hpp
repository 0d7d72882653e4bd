// The codec's shared use of libzstd: contexts that free themselves, and its errors as ours.
#pragma once

#include <zstd.h>

#include <cstddef>
#include <memory>
#include <system_error>

namespace conduit::codec {

struct zstd_deleter {
  void operator()(ZSTD_CCtx* context) const noexcept { ZSTD_freeCCtx(context); }
  void operator()(ZSTD_DCtx* context) const noexcept { ZSTD_freeDCtx(context); }
};

using compression_context = std::unique_ptr<ZSTD_CCtx, zstd_deleter>;
using decompression_context = std::unique_ptr<ZSTD_DCtx, zstd_deleter>;

// A context of about 160 KiB. It gets a window of at most `frame_window_max` when it decodes piece
// by piece, and none when it decodes at once. Null if there is no memory.
decompression_context make_decompression_context() noexcept;

// For a result that libzstd calls an error: `not_enough_memory` of the system if it is that, else
// `errc::corrupt`.
std::error_code decoding_error(std::size_t result) noexcept;

}  // namespace conduit::codec
