#include "codec/frame.hpp"

#include <zstd_errors.h>

#include <algorithm>
#include <conduit/error.hpp>
#include <limits>
#include <new>

#include "codec/block_header.hpp"
#include "codec/frame_header.hpp"

namespace conduit::codec {

namespace {

constexpr std::size_t size_max = std::numeric_limits<std::uint32_t>::max();

std::error_code encoding_error(std::size_t result) noexcept {
  const bool too_small = ZSTD_getErrorCode(result) == ZSTD_error_dstSize_tooSmall;
  // Nothing else can fail: the parameters are within their bounds, and the pledged size is the
  // given size.
  return std::make_error_code(too_small ? std::errc::no_buffer_space
                                        : std::errc::not_enough_memory);
}

// Tells whether `stored` is exactly one frame that may be decoded, to `plain_size` bytes. libzstd
// would decode several frames in a row as one, and skip skippable ones.
bool is_one_frame(std::span<const std::byte> stored, std::size_t plain_size) noexcept {
  frame_header header;
  if (inspect_frame_header(stored, header) != header_state::whole || header.skippable ||
      !header.is_supported())
    return false;
  if (header.content_size.value_or(plain_size) != plain_size) return false;
  if (!block_scan(header.header_size).feed(stored)) return false;
  return ZSTD_findFrameCompressedSize(stored.data(), stored.size()) == stored.size();
}

// One frame, decoded piece by piece.
class frame_stream {
 public:
  frame_stream(ZSTD_DCtx* context, std::span<const std::byte> stored) noexcept
      : context_(context), in_{stored.data(), stored.size(), 0} {
    ZSTD_DCtx_reset(context, ZSTD_reset_session_only);
  }

  // Reads the next plain bytes. A frame that has fewer is corrupt.
  std::error_code fill(std::span<std::byte> to) noexcept {
    ZSTD_outBuffer out{to.data(), to.size(), 0};
    while (!ended_ && out.pos < out.size) {
      if (const auto error = step(out)) return error;
    }
    return out.pos == out.size ? std::error_code{} : errc::corrupt;
  }

  // Reads what stands behind the last plain byte, so that the checksum is compared. A frame that
  // has more plain bytes is corrupt.
  std::error_code expect_end() noexcept {
    std::byte excess{};
    ZSTD_outBuffer out{&excess, sizeof excess, 0};
    while (!ended_ && out.pos == 0) {
      if (const auto error = step(out)) return error;
    }
    return out.pos == 0 && in_.pos == in_.size ? std::error_code{} : errc::corrupt;
  }

 private:
  std::error_code step(ZSTD_outBuffer& out) noexcept {
    const std::size_t result = ZSTD_decompressStream(context_, &out, &in_);
    if (ZSTD_isError(result) != 0) return decoding_error(result);
    ended_ = result == 0;
    const bool starved = !ended_ && in_.pos == in_.size && out.pos < out.size;
    return starved ? errc::corrupt : std::error_code{};
  }

  ZSTD_DCtx* context_;
  ZSTD_inBuffer in_;
  bool ended_ = false;  // and the checksum, if any, was right
};

}  // namespace

std::size_t frame_bound(std::size_t plain_size) noexcept { return ZSTD_compressBound(plain_size); }

bool encoder::prepare() noexcept {
  if (context_) return true;
  context_.reset(ZSTD_createCCtx());
  if (!context_) return false;
  const auto level_bounds = ZSTD_cParam_getBounds(ZSTD_c_compressionLevel);
  ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel,
                         std::clamp(level_, level_bounds.lowerBound, level_bounds.upperBound));
  ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_contentSizeFlag, 1);
  ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_checksumFlag, 1);
  return true;
}

std::error_code encoder::encode(std::span<const std::byte> plain, std::span<std::byte> to,
                                std::uint32_t& stored_size) noexcept {
  if (plain.size() > size_max) return std::make_error_code(std::errc::value_too_large);
  if (!prepare()) return std::make_error_code(std::errc::not_enough_memory);
  const std::size_t result =
      ZSTD_compress2(context_.get(), to.data(), to.size(), plain.data(), plain.size());
  if (ZSTD_isError(result) != 0) return encoding_error(result);
  if (result > size_max) return std::make_error_code(std::errc::value_too_large);
  stored_size = static_cast<std::uint32_t>(result);
  return {};
}

std::error_code encoder::append(std::span<const std::byte> plain, std::vector<std::byte>& to,
                                std::uint32_t& stored_size) noexcept {
  if (plain.size() > size_max) return std::make_error_code(std::errc::value_too_large);
  const std::size_t before = to.size();
  try {
    to.resize(before + frame_bound(plain.size()));
  } catch (const std::bad_alloc&) {
    return std::make_error_code(std::errc::not_enough_memory);
  }
  const auto error = encode(plain, std::span(to).subspan(before), stored_size);
  to.resize(error ? before : before + stored_size);
  return error;
}

bool decoder::prepare() noexcept {
  if (!context_) context_ = make_decompression_context();
  return context_ != nullptr;
}

std::error_code decoder::decode_whole(std::span<const std::byte> stored,
                                      std::span<std::byte> plain) noexcept {
  if (!is_one_frame(stored, plain.size())) return errc::corrupt;
  if (!prepare()) return std::make_error_code(std::errc::not_enough_memory);
  const std::size_t result =
      ZSTD_decompressDCtx(context_.get(), plain.data(), plain.size(), stored.data(), stored.size());
  if (ZSTD_isError(result) != 0) return decoding_error(result);
  if (result != plain.size()) return errc::corrupt;
  return {};
}

std::error_code decoder::decode_range(std::span<const std::byte> stored, std::uint32_t plain_size,
                                      std::uint32_t skip, std::span<std::byte> to) noexcept {
  constexpr std::size_t dropped_at_once = std::size_t{64} << 10U;
  if (skip > plain_size || to.size() > plain_size - skip) return errc::out_of_range;
  if (!is_one_frame(stored, plain_size)) return errc::corrupt;
  if (!prepare()) return std::make_error_code(std::errc::not_enough_memory);
  try {
    dropped_.resize(skip == 0 ? dropped_.size() : dropped_at_once);
  } catch (const std::bad_alloc&) {
    return std::make_error_code(std::errc::not_enough_memory);
  }
  frame_stream frame(context_.get(), stored);
  for (std::size_t left = skip; left > 0;) {
    const std::size_t size = std::min(left, dropped_.size());
    if (const auto error = frame.fill(std::span(dropped_).first(size))) return error;
    left -= size;
  }
  if (const auto error = frame.fill(to)) return error;
  const bool to_the_end = to.size() == plain_size - skip;
  return to_the_end ? frame.expect_end() : std::error_code{};
}

}  // namespace conduit::codec
