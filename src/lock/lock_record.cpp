#include "lock/lock_record.hpp"

#include <conduit/error.hpp>
#include <xxhash.h>

#include <algorithm>

#include "base/little_endian.hpp"
#include "files/exact_transfers.hpp"

namespace conduit::lock {

namespace {

constexpr std::array<char, 8> magic{'c', 'f', 'f', 'd', 'b', 'r', 'e', 'c'};
constexpr std::uint32_t version = 1;
constexpr std::uint32_t flag_syncing = 1;
constexpr std::uint32_t flag_poisoned = 2;
constexpr std::uint32_t flag_highest = 4;

constexpr std::size_t at_magic = 0;
constexpr std::size_t at_version = 8;
constexpr std::size_t at_flags = 12;
constexpr std::size_t at_boot = 16;
constexpr std::size_t at_device = 32;
constexpr std::size_t at_changes = 40;
constexpr std::size_t at_end = 48;
constexpr std::size_t at_highest = 56;
constexpr std::size_t at_mutable = 60;
constexpr std::size_t at_syncing = 64;
constexpr std::size_t at_poisoned = 68;
constexpr std::size_t at_checksum = 72;

}  // namespace

std::array<std::byte, lock_record::encoded_size> lock_record::encode() const noexcept {
  std::array<std::byte, encoded_size> bytes{};
  std::transform(magic.begin(), magic.end(), bytes.begin() + at_magic,
                 [](char c) { return static_cast<std::byte>(c); });
  const std::uint32_t flags =
      (syncing ? flag_syncing : 0) | (poisoned ? flag_poisoned : 0) | (highest ? flag_highest : 0);
  store_little_endian(&bytes[at_version], version);
  store_little_endian(&bytes[at_flags], flags);
  std::copy(boot.begin(), boot.end(), bytes.begin() + at_boot);
  store_little_endian(&bytes[at_device], device);
  store_little_endian(&bytes[at_changes], changes);
  store_little_endian(&bytes[at_end], end);
  store_little_endian(&bytes[at_highest], highest.value_or(0));
  store_little_endian(&bytes[at_mutable], mutable_file);
  store_little_endian(&bytes[at_syncing], syncing.value_or(0));
  store_little_endian(&bytes[at_poisoned], poisoned.value_or(0));
  store_little_endian(&bytes[at_checksum],
                      static_cast<std::uint64_t>(XXH3_64bits(bytes.data(), at_checksum)));
  return bytes;
}

std::optional<lock_record> lock_record::decode(std::span<const std::byte> bytes) noexcept {
  if (bytes.size() != encoded_size) return std::nullopt;
  const bool known =
      std::equal(magic.begin(), magic.end(), bytes.begin() + at_magic,
                 [](char c, std::byte b) { return static_cast<std::byte>(c) == b; }) &&
      load_little_endian<std::uint32_t>(&bytes[at_version]) == version &&
      load_little_endian<std::uint64_t>(&bytes[at_checksum]) ==
          XXH3_64bits(bytes.data(), at_checksum);
  if (!known) return std::nullopt;
  const auto flags = load_little_endian<std::uint32_t>(&bytes[at_flags]);
  lock_record found;
  std::copy_n(bytes.begin() + at_boot, found.boot.size(), found.boot.begin());
  found.device = load_little_endian<std::uint64_t>(&bytes[at_device]);
  found.changes = load_little_endian<std::uint64_t>(&bytes[at_changes]);
  found.end = load_little_endian<std::uint64_t>(&bytes[at_end]);
  if ((flags & flag_highest) != 0)
    found.highest = load_little_endian<std::uint32_t>(&bytes[at_highest]);
  found.mutable_file = load_little_endian<std::uint32_t>(&bytes[at_mutable]);
  if ((flags & flag_syncing) != 0)
    found.syncing = load_little_endian<std::uint32_t>(&bytes[at_syncing]);
  if ((flags & flag_poisoned) != 0)
    found.poisoned = load_little_endian<std::uint32_t>(&bytes[at_poisoned]);
  return found;
}

std::error_code load_record(io::file_io& disk, int lock_file, std::optional<lock_record>& found) {
  std::array<std::byte, lock_record::encoded_size> bytes{};
  found.reset();
  const std::error_code error = files::read_exact(disk, lock_file, bytes, 0);
  // The file is too short: there is no record.
  if (error == errc::corrupt) return {};
  if (!error) found = lock_record::decode(bytes);
  return error;
}

std::error_code store_record(io::file_io& disk, int lock_file, const lock_record& record) {
  return files::write_exact(disk, lock_file, record.encode(), 0);
}

}  // namespace conduit::lock
