// The yardsticks of compressed stores: libzstd alone, used as the store uses it, with a context
// that is kept from frame to frame.
#pragma once

#include <zstd.h>

#include <conduit/options.hpp>
#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>

namespace conduit::bench {

inline std::size_t checked(std::size_t result) {
  if (ZSTD_isError(result) != 0)
    throw std::runtime_error(std::string("libzstd: ") + ZSTD_getErrorName(result));
  return result;
}

// Frames with content size and checksum, at the store's level.
class bare_encoder {
 public:
  bare_encoder() : context_(ZSTD_createCCtx(), ZSTD_freeCCtx) {
    const options defaults;
    checked(ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, defaults.level));
    checked(ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_contentSizeFlag, 1));
    checked(ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_checksumFlag, 1));
  }

  std::size_t encode(const char* plain, std::size_t size, char* to, std::size_t room) {
    return checked(ZSTD_compress2(context_.get(), to, room, plain, size));
  }

 private:
  std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> context_;
};

class bare_decoder {
 public:
  std::size_t decode(const char* stored, std::size_t size, char* to, std::size_t room) {
    return checked(ZSTD_decompressDCtx(context_.get(), to, room, stored, size));
  }

 private:
  std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> context_{ZSTD_createDCtx(), ZSTD_freeDCtx};
};

}  // namespace conduit::bench
