#include "get/blob_stream.hpp"

#include <conduit/error.hpp>

#include <algorithm>
#include <asio/error.hpp>
#include <cassert>
#include <cstring>
#include <new>
#include <utility>

#include "get/direct_range.hpp"

namespace conduit::detail {

namespace {

// The first piece; each further one has twice as many bytes, up to its share of the caller's limit.
constexpr std::size_t piece_bytes_min = 128U << 10;
// Originals make frames of 10 MiB.
constexpr std::size_t frame_bytes_max = 16U << 20;
// The kernel moves no more at a time.
constexpr std::size_t direct_bytes_max = 1U << 30;

}  // namespace

std::shared_ptr<blob_stream> make_stream(std::shared_ptr<binding> where,
                                         const data_location& location, const slice& part,
                                         const reader_options& how) {
  return std::make_shared<blob_stream>(std::move(where), location, part, how);
}

void close_stream(blob_stream& stream) noexcept { stream.close(); }

std::uint64_t size_of_stream(const blob_stream& stream) noexcept { return stream.size(); }

void stream_op::begin() { stream->read(*this); }

void stream_op::give_up() noexcept { stream->cancel(*this); }

blob_stream::blob_stream(std::shared_ptr<binding> where, const data_location& location,
                         const slice& part, const reader_options& how)
    : where_(std::move(where)),
      location_(location),
      part_(part),
      range_(range_of(location, part)),
      how_(how),
      piece_bytes_(std::min(piece_bytes_min, usual_piece_max() / 2)) {}

// ---- one read of the caller

void blob_stream::read(stream_op& op) {
  const std::shared_ptr<blob_stream> keep = shared_from_this();
  held hold(mutex_);
  if (!range_.valid) {
    op.error = errc::out_of_range;
  } else if (corrupt_) {
    op.error = errc::corrupt;
  } else if (position_ == range_.length && op.capacity != 0) {
    op.error = asio::error::eof;
  }
  if (op.error || op.capacity == 0) {
    hold.unlock();
    return op.end(finish::immediate);
  }
  assert(waiting_ == nullptr);  // one read at a time
  waiting_ = &op;
  if (count_ == 0 || oldest().failed) return read_direct(hold, op);
  if (oldest().get) return;
  waiting_ = nullptr;
  serve(op);
  read_ahead(hold);
  if (hold) hold.unlock();
  where_->disk->complete_later(op);
}

void blob_stream::read_direct(held& hold, stream_op& op) {
  count_ = 0;
  const std::uint64_t size =
      std::min<std::uint64_t>({range_.length - position_, op.capacity, direct_bytes_max});
  start(hold, direct_, nullptr, position_, op.to, static_cast<std::size_t>(size));
}

void blob_stream::cancel(stream_op& op) noexcept {
  held hold(mutex_);
  if (waiting_ != &op) return;  // it has ended
  if (direct_) return direct_->cancel();
  waiting_ = nullptr;
  hold.unlock();
  op.error = asio::error::operation_aborted;
  where_->disk->complete_later(op);
}

void blob_stream::close() noexcept {
  if (where_->state->forked()) return;
  const held hold(mutex_);
  closed_ = true;
  for (piece& one : pieces_) {
    if (one.get) one.get->cancel();
  }
}

// Copies from the oldest piece.
void blob_stream::serve(stream_op& op) noexcept {
  piece& from = oldest();
  const std::size_t count = std::min(op.capacity, from.end - from.begin);
  std::memcpy(op.to, from.memory.data() + from.begin, count);
  from.begin += count;
  if (from.begin == from.end) {
    if (from.memory.size() > usual_piece_max()) from.memory = blob();
    ++first_;
    --count_;
  }
  given(op, count);
}

void blob_stream::given(stream_op& op, std::size_t count) noexcept {
  op.length = count;
  position_ += count;
  if (!how_.verify_checksum || !range_.whole_blob || location_.checksum == 0) return;
  checksum_.add({op.to, count});
  if (position_ < range_.length || checksum_.value() == location_.checksum) return;
  corrupt_ = true;
  op.error = errc::corrupt;
  op.length = 0;
}

// ---- reading ahead

bool blob_stream::reads_ahead() const noexcept {
  return !closed_ && !ahead_failed_ && piece_bytes_ != 0 && file_ != nullptr &&
         (file_->id.form == file_form::zstd || file_->direct);
}

// Begins as many pieces as there is room for.
void blob_stream::read_ahead(held& hold) {
  if (count_ == 0) ahead_ = position_;
  while (hold && count_ < pieces_.size() && ahead_ < range_.length && reads_ahead()) {
    piece& next = pieces_[(first_ + count_) % pieces_.size()];
    if (next.get) return;  // of a piece that was given up
    const std::uint64_t offset = ahead_;
    std::size_t size = 0;
    try {
      size = size_of_next_piece(offset);
      if (size > usual_piece_max() && count_ != 0) return;
      if (next.memory.size() < size) {
        next.memory = blob();
        next.memory = blob(size);
      }
    } catch (const std::bad_alloc&) {
      ahead_failed_ = true;
      return;
    }
    next.begin = 0;
    next.end = size;
    next.failed = false;
    ++count_;
    ahead_ += size;
    piece_bytes_ = std::min(2 * piece_bytes_, usual_piece_max() / 2);
    start(hold, next.get, &next, offset, next.memory.data(), size);
    hold.lock();
  }
}

// A piece ends with a frame, or with a block of the disk: otherwise two pieces would read it. A
// larger frame is a piece of its own, unless it is so large that it is better decoded twice.
std::size_t blob_stream::size_of_next_piece(std::uint64_t offset) {
  const std::uint64_t begin = range_.start + offset;
  const std::uint64_t limit = range_.start + range_.length;
  const std::uint64_t wanted = std::min(begin + piece_bytes_, limit);
  std::uint64_t end = std::min<std::uint64_t>(align_up(wanted), limit);
  if (const auto known = file_->frames()) {
    std::vector<codec::placed_frame> last;
    const bool found = known->find(wanted - 1, wanted, last);
    end = found && !last.empty() ? std::min(last.back().plain_end(), limit) : wanted;
    if (end - begin > frame_bytes_max) end = wanted;
  }
  return static_cast<std::size_t>(end - begin);
}

// Releases the lock: a get that cannot begin ends at once.
void blob_stream::start(held& hold, std::optional<inner_get>& get, piece* fills,
                        std::uint64_t offset, std::byte* to, std::size_t size) {
  const std::shared_ptr<blob_stream> keep = shared_from_this();
  inner_get& op = get.emplace(keep, fills);
  op.location = location_;
  op.location.checksum = 0;  // `given` compares it, if at all
  op.part = {part_.start + offset, part_.start + offset + size};
  op.own_memory = false;
  op.read_elsewhere = fills != nullptr;
  op.destination = to;
  op.capacity = size;
  op.owner = where_;
  op.file = file_;
  hold.unlock();
  op.start();
}

// ---- the ends of the stream's own gets

void blob_stream::ended(inner_get& get, finish how) {
  const std::shared_ptr<blob_stream> keep = get.take_stream();  // outlives the lock
  held hold(mutex_);
  const std::error_code error = get.error;
  const std::size_t length = get.length;
  piece* const filled = get.fills();
  if (!error) file_ = get.file;
  if (filled != nullptr) {
    filled->failed = static_cast<bool>(error);
    ahead_failed_ = ahead_failed_ || error;
    filled->get.reset();
  } else {
    direct_.reset();
  }
  if (how == finish::destroy) {
    // While a get fills the caller's memory its own end has the operation.
    stream_op* const op = direct_ ? nullptr : std::exchange(waiting_, nullptr);
    hold.unlock();
    if (op != nullptr) op->end(how);
  } else if (filled != nullptr) {
    ended_ahead(hold);
  } else {
    ended_direct(hold, how, error, length);
  }
}

void blob_stream::ended_direct(held& hold, finish how, std::error_code error, std::size_t length) {
  stream_op& op = *std::exchange(waiting_, nullptr);
  op.error = error;
  if (!error) given(op, length);
  // Reads that are as large as all pieces need none.
  if (!op.error && op.capacity < how_.read_ahead_bytes) read_ahead(hold);
  if (hold) hold.unlock();
  op.end(how);
}

void blob_stream::ended_ahead(held& hold) {
  if (waiting_ == nullptr || direct_ || oldest().get) return;
  stream_op& op = *waiting_;
  if (oldest().failed) return read_direct(hold, op);
  waiting_ = nullptr;
  serve(op);
  read_ahead(hold);
  if (hold) hold.unlock();
  op.end(finish::dispatch);
}

}  // namespace conduit::detail
