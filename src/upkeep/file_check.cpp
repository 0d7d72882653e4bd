#include "upkeep/file_check.hpp"

#include <conduit/error.hpp>

#include <algorithm>
#include <asio/error.hpp>
#include <cerrno>
#include <chrono>
#include <memory>
#include <optional>
#include <thread>

#include "base/os_error.hpp"
#include "codec/frame_walk.hpp"
#include "files/frame_loading.hpp"
#include "files/passing_reader.hpp"

namespace conduit::detail {

namespace {

constexpr std::size_t step_bytes = 1U << 20;
// How long a check of the mutable file waits for the lock.
constexpr std::chrono::seconds lock_patience{5};
constexpr std::chrono::milliseconds ask_interval{1};
// Bounds the rounds for a file that another process keeps tearing and mending.
constexpr int rounds_max = 8;

// Reads the bytes [at, end) step by step. `take` returns whether it wants more. `at` tells how far
// it got.
template <typename Take>
std::error_code read_range(files::passing_reader& file, std::uint64_t& at, std::uint64_t end,
                           const std::atomic<bool>& abandoned, Take take) {
  const std::size_t room = static_cast<std::size_t>(std::min<std::uint64_t>(step_bytes, end - at));
  const auto memory = std::make_unique_for_overwrite<std::byte[]>(room);
  while (at < end) {
    if (abandoned.load(std::memory_order_relaxed)) return asio::error::operation_aborted;
    const std::span piece(memory.get(), std::min<std::uint64_t>(room, end - at));
    std::size_t count = 0;
    const std::error_code error = file.read_up_to(piece, at, count);
    at += count;
    if (error) return error;
    if (count > 0 && !take(std::span<const std::byte>(piece.first(count)))) break;
    if (count < piece.size()) return errc::corrupt;
  }
  return {};
}

void add_fault(verify_report& report, const data_file& file, std::uint64_t frame,
               std::uint64_t offset, std::error_code error) {
  report.faults.push_back({file.id.number, frame, offset, error});
}

bool is_of_the_file(const std::error_code& error) { return error == errc::corrupt; }

// Checks one frame by itself, as the table places it: frames behind a bad one are checked too.
std::error_code check_frame(files::passing_reader& file, const codec::placed_frame& frame,
                            const std::atomic<bool>& abandoned, verify_report& report) {
  // One byte more than the frame has: it need not end a file.
  codec::frame_walk walk(std::uint64_t{frame.sizes.stored} + 1);
  std::error_code no_memory;
  std::uint64_t at = frame.stored_start;
  const std::error_code error =
      read_range(file, at, frame.stored_end(), abandoned, [&](std::span<const std::byte> piece) {
        report.bytes += piece.size();
        no_memory = walk.feed(piece);
        return !no_memory;
      });
  if (error || no_memory) return error ? error : no_memory;
  const bool whole = walk.frames().count() == 1 && walk.frames()[0].sizes == frame.sizes;
  return whole ? std::error_code{} : errc::corrupt;
}

// Checks every frame of a table that agrees with the frames' own headers.
std::error_code check_frames(binding& where, const data_file& file,
                             const files::loaded_frames& table, const std::atomic<bool>& abandoned,
                             verify_report& report) {
  files::passing_reader stored(*where.disk, file.fd());
  for (std::size_t i = 0; i < table.frames.count(); ++i) {
    const codec::placed_frame frame = table.frames[i];
    const std::error_code error = check_frame(stored, frame, abandoned, report);
    if (error == asio::error::operation_aborted || error == std::errc::not_enough_memory)
      return error;
    if (error) add_fault(report, file, i, frame.stored_start, error);
    ++report.frames;
  }
  // The table was read to get here.
  report.bytes = std::max(report.bytes, table.file_size);
  return {};
}

// For a file without a table: checks its frames as far as they are whole.
std::error_code walk_file(binding& where, const data_file& file, const std::atomic<bool>& abandoned,
                          verify_report& report) {
  files::loaded_frames found;
  const std::error_code error = files::walk_frames(
      *where.disk, file.fd(), found, [&] { return !abandoned.load(std::memory_order_relaxed); });
  if (error) return error;
  report.frames = found.frames.count();
  report.bytes =
      found.state == codec::walk_state::bad ? found.frames.stored_size() : found.file_size;
  if (found.state != codec::walk_state::complete)
    add_fault(report, file, found.frames.count(), found.frames.stored_size(), errc::corrupt);
  return {};
}

std::error_code check_once(binding& where, const data_file& file,
                           const std::atomic<bool>& abandoned, verify_report& report) {
  report = {};
  files::loaded_frames table;
  std::error_code error = files::read_seek_table(*where.disk, file.fd(), table);
  if (error && !is_of_the_file(error)) {
    add_fault(report, file, 0, 0, error);
    return {};
  }
  error = error ? walk_file(where, file, abandoned, report)
                : check_frames(where, file, table, abandoned, report);
  if (error && error != asio::error::operation_aborted && error != std::errc::not_enough_memory) {
    add_fault(report, file, report.frames, report.bytes, error);
    error.clear();
  }
  return error;
}

}  // namespace

std::error_code measure_frames(binding& where, files::file_id file, std::uint64_t& plain_bytes) {
  const std::int64_t fd = where.disk->open(where.state->directory.get(),
                                           files::file_name(file).c_str(), io::open_mode::read, 0);
  plain_bytes = 0;
  if (fd == -ENOENT) return {};
  if (fd < 0) return os_error(fd);
  const unique_fd opened(static_cast<int>(fd));
  io::file_status identity;
  const std::int64_t known = where.disk->status(opened.get(), identity);
  if (known < 0) return os_error(known);
  if (const auto own = where.state->frames_of_tail(identity)) {
    plain_bytes = own->plain_size();
    return {};
  }
  files::loaded_frames found;
  const std::error_code error = look_at_what_is_mended([&] {
    const std::error_code no_table = files::read_seek_table(*where.disk, opened.get(), found);
    return is_of_the_file(no_table) ? files::walk_frames(*where.disk, opened.get(), found)
                                    : no_table;
  });
  plain_bytes = found.frames.plain_size();
  return error;
}

std::error_code check_plain_file(binding& where, const data_file& file,
                                 const std::atomic<bool>& abandoned, verify_report& report) {
  io::file_status status;
  const std::int64_t known = where.disk->status(file.fd(), status);
  if (known < 0) return os_error(known);
  files::passing_reader bytes(*where.disk, file.fd());
  const std::error_code error = read_range(bytes, report.bytes, status.size, abandoned,
                                           [](std::span<const std::byte>) { return true; });
  if (error == asio::error::operation_aborted) return error;
  if (error) add_fault(report, file, 0, report.bytes, error);
  return {};
}

namespace {

// The end of a file while nobody writes to it: its table, or `corrupt` if it has none.
struct quiet_look {
  std::error_code error;
  files::loaded_frames table;
};

// Does little under the lock: the frames do not move, so they are checked afterwards. Returns an
// error if the lock could not be taken.
std::error_code look_under_lock(binding& where, const data_file& file,
                                const std::atomic<bool>& abandoned, quiet_look& found) {
  const auto go_on = [&] { return !abandoned.load(std::memory_order_relaxed); };
  const auto look = [&] {
    found.error = files::load_seek_table(*where.disk, file.fd(), found.table);
  };
  const auto deadline = std::chrono::steady_clock::now() + lock_patience;
  for (;;) {
    const std::error_code refused = where.locks.with(go_on, lock_patience, look);
    if (refused != std::errc::resource_unavailable_try_again) return refused;
    // Poll: no thread can wait in the kernel.
    if (!go_on()) return asio::error::operation_aborted;
    if (std::chrono::steady_clock::now() >= deadline) return refused;
    std::this_thread::sleep_for(ask_interval);
  }
}

// A writer may have been active when a fault was seen in the mutable file. If the lock cannot be
// taken, the fault stands.
std::error_code check_again(binding& where, const data_file& file,
                            const std::atomic<bool>& abandoned, verify_report& report) {
  std::optional<std::uint64_t>
      walked;  // the file's size when it had no table to trust, and was walked
  for (int round = 0; round < rounds_max; ++round) {
    quiet_look now;
    const std::error_code refused = look_under_lock(where, file, abandoned, now);
    if (refused == std::errc::not_enough_memory) return refused;
    if (refused) break;
    if (now.error && !is_of_the_file(now.error)) break;
    std::error_code error =
        now.error ? now.error : files::check_frame_headers(*where.disk, file.fd(), now.table);
    if (!error) {
      report = {};
      return check_frames(where, file, now.table, abandoned, report);
    }
    // Nothing has changed since the walk: its findings stand.
    if (walked == now.table.file_size) break;
    report = {};
    error = walk_file(where, file, abandoned, report);
    if (error) return error;
    walked = now.table.file_size;
  }
  return abandoned.load(std::memory_order_relaxed) ? asio::error::operation_aborted
                                                   : std::error_code{};
}

}  // namespace

std::error_code check_compressed_file(binding& where, const data_file& file,
                                      const std::atomic<bool>& abandoned, verify_report& report) {
  const std::error_code error = check_once(where, file, abandoned, report);
  const bool sealed = file.id.number < where.state->sealed_below.load(std::memory_order_relaxed);
  if (error || sealed || report.faults.empty()) return error;
  return check_again(where, file, abandoned, report);
}

}  // namespace conduit::detail
