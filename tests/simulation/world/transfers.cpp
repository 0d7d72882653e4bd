#include "simulation/world/transfers.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "simulation/protected_files.hpp"

namespace conduit::simulation {

namespace {

constexpr std::uint64_t page = 4096;

shared_string gather(const iovec* parts, std::uint64_t count, std::uint64_t from,
                     std::uint64_t size) {
  shared_string bytes;
  for (std::uint64_t i = 0; i < count && bytes.size() < size; ++i) {
    const std::uint64_t skipped = std::min<std::uint64_t>(from, parts[i].iov_len);
    from -= skipped;
    const std::uint64_t taken =
        std::min<std::uint64_t>(parts[i].iov_len - skipped, size - bytes.size());
    bytes.append(static_cast<const char*>(parts[i].iov_base) + skipped, taken);
  }
  return bytes;
}

// As O_DIRECT wants it.
bool is_aligned(const void* memory, std::uint64_t size, std::uint64_t offset) noexcept {
  constexpr std::uint64_t block = 512;
  return reinterpret_cast<std::uintptr_t>(memory) % block == 0 && size % block == 0 &&
         offset % block == 0;
}

// Up to the end of the part that is written at `done`.
std::uint64_t rest_of_part(const iovec* parts, std::uint64_t done) {
  std::uint64_t end = 0;
  while (end <= done) end += parts++->iov_len;
  return end - done;
}

}  // namespace

std::uint64_t bytes_of(const iovec* parts, std::uint64_t count) noexcept {
  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < count; ++i) sum += parts[i].iov_len;
  return sum;
}

std::int64_t read_into(const open_file& from, kernel_call as, void* to, std::uint64_t size,
                       std::uint64_t offset) {
  if (from.direct && !is_aligned(to, size, offset)) return -EINVAL;
  const auto fault = injected(as);
  if (fault && *fault != 0) return -*fault;
  const shared_string& content = from.node->cached;
  if (the_world().tells_calls) {
    tell_call("reads", std::string(some_name_of(*from.node)) + " " + std::to_string(offset) + "+" +
                           std::to_string(size) + " of " + std::to_string(content.size()));
  }
  if (offset >= content.size()) return 0;
  std::uint64_t count = std::min<std::uint64_t>(size, content.size() - offset);
  if (fault) count = shortened(count);
  std::memcpy(to, content.data() + offset, count);
  return static_cast<std::int64_t>(count);
}

std::int64_t write_step(open_file& to, kernel_call as, const iovec* parts, std::uint64_t count,
                        std::uint64_t offset, std::uint64_t done) {
  if (!to.writable) return -EBADF;
  const auto fault = injected(as);
  if (fault && *fault != 0) return -*fault;
  const std::uint64_t left = bytes_of(parts, count) - done;
  std::uint64_t size = left;
  if (fault) {
    size = shortened(size);
  } else if (size > page && by_chance(30)) {
    size = 1 + random_below(size / page) * page;
  } else if (by_chance(3)) {
    size = rest_of_part(parts, done);
  }
  if (the_world().tells_calls) {
    tell_call("writes", std::string(some_name_of(*to.node)) + " " + std::to_string(offset + done) +
                            "+" + std::to_string(size));
  }
  const std::int64_t written =
      write_bytes(*to.node, offset + done, gather(parts, count, done, size));
  if (the_world().tells_calls && to.node == look_up("/store.lock")) {
    if (const auto record = record_of_this_boot()) tell_call("record", words_of(*record));
  }
  return written;
}

std::int64_t write_all(open_file& to, kernel_call as, const iovec* parts, std::uint64_t count,
                       std::uint64_t offset) {
  const std::uint64_t all = bytes_of(parts, count);
  std::uint64_t done = 0;
  do {
    const std::int64_t moved = write_step(to, as, parts, count, offset, done);
    if (moved <= 0) return done != 0 ? static_cast<std::int64_t>(done) : moved;
    done += static_cast<std::uint64_t>(moved);
    if (done < all) enter("pwritev, in the middle");
  } while (done < all && !by_chance(1));
  return static_cast<std::int64_t>(done);
}

std::int64_t sync_file(open_file& file, kernel_call as) {
  const std::int64_t refused = refusal(as);
  if (refused != 0) {
    fail_sync(*file.node, file.errors_seen);
    return refused;
  }
  return file.node->is_directory ? sync_names(*file.node, file.errors_seen)
                                 : sync_content(*file.node, file.errors_seen);
}

nanoseconds time_of_sync(const inode& file) {
  constexpr nanoseconds very_long = 4 * second;
  // What is on the medium already needs no time.
  if (file.slow && !file.pending.empty()) {
    current_process().slow_until = the_world().now + very_long;
    return very_long;
  }
  if (!by_chance(the_world().manners.slow_syncs)) return random_time(100 * microsecond);
  return random_time(30 * millisecond);
}

}  // namespace conduit::simulation
