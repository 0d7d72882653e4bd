#include "simulation/protected_files.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <string_view>

#include "base/little_endian.hpp"
#include "codec/seek_table.hpp"
#include "files/file_name.hpp"
#include "simulation/players/ledger.hpp"
#include "simulation/world/descriptions.hpp"

namespace conduit::simulation {

namespace {

// As calls/opening.cpp spells it, in bytes.
lock::boot_id boot_of(std::uint64_t boots) noexcept {
  lock::boot_id id{};
  for (std::size_t i = 0; i < 4; ++i) id[i] = static_cast<std::byte>(boots >> (8 * (3 - i)));
  id[6] = std::byte{0x40};
  id[8] = std::byte{0x80};
  return id;
}

std::optional<files::file_id> id_of(const inode& file) {
  const inode* const store = look_up("/store");
  if (store == nullptr) return std::nullopt;
  for (const auto& [name, target] : store->names) {
    if (target == &file) return files::parse_file_name(name);
  }
  return std::nullopt;
}

bool has_lock(const process& one, const inode& lock) {
  return std::any_of(one.descriptors.begin(), one.descriptors.end(), [&](const auto& entry) {
    const auto* const file = dynamic_cast<const open_file*>(entry.second);
    return file != nullptr && file->node == &lock && file->held == open_file::lock::exclusive;
  });
}

std::span<const std::byte> as_bytes(const shared_string& content) noexcept {
  return std::as_bytes(std::span(content.data(), content.size()));
}

// The same bytes, or fewer of them and a table, or the beginning of one.
bool is_mended(const shared_string& now, const shared_string& before) {
  const auto differs = std::mismatch(now.begin(), now.end(), before.begin(), before.end()).first;
  const auto equal = static_cast<std::size_t>(differs - now.begin());
  if (equal == now.size()) return true;
  if (const auto table = table_size(now)) return now.size() - *table <= equal;
  std::array<std::byte, sizeof codec::seek_table_magic> magic;
  store_little_endian(magic.data(), codec::seek_table_magic);
  const std::string_view sought(reinterpret_cast<const char*>(magic.data()), magic.size());
  for (std::size_t begin = 0; begin <= equal; ++begin) {
    if (sought.starts_with(std::string_view(now).substr(begin, sought.size()))) return true;
  }
  return false;
}

}  // namespace

std::optional<lock::lock_record> record_of_this_boot() {
  const inode* const lock = look_up("/store.lock");
  if (lock == nullptr) return std::nullopt;
  const auto record =
      lock::lock_record::decode(std::as_bytes(std::span(lock->cached.data(), lock->cached.size())));
  if (!record || record->boot != boot_of(the_world().boots)) return std::nullopt;
  return record;
}

std::string words_of(const lock::lock_record& record) {
  const auto words = [](const std::optional<std::uint32_t>& number) {
    return number ? std::to_string(*number) : "none";
  };
  return "mutable " + std::to_string(record.mutable_file) + " to " + std::to_string(record.end) +
         ", highest " + words(record.highest) + ", syncing " + words(record.syncing) +
         ", poisoned " + words(record.poisoned);
}

std::optional<std::uint64_t> table_size(const shared_string& content) {
  const auto bytes = as_bytes(content);
  const auto size = codec::seek_table_size(
      bytes.last(std::min(bytes.size(), codec::seek_table_footer_size)), bytes.size());
  codec::frame_index frames;
  if (!size || (*size != 0 && codec::parse_seek_table(bytes.last(*size), bytes.size(), frames)))
    return std::nullopt;
  return size;
}

inode* data_file(std::uint32_t number) {
  const inode* const store = look_up("/store");
  if (store == nullptr) return nullptr;
  inode* const framed = look_up_in(*store, files::file_name(number, file_form::zstd).text());
  return framed != nullptr ? framed : look_up_in(*store, files::file_name(number).text());
}

std::optional<std::uint32_t> highest_number() {
  const inode* const store = look_up("/store");
  std::optional<std::uint32_t> highest;
  if (store == nullptr) return highest;
  for (const auto& [name, file] : store->names) {
    if (const auto id = files::parse_file_name(name))
      highest = std::max(highest.value_or(0), id->number);
  }
  return highest;
}

void note_change_of_poisoned(inode& file) {
  // An original knows nothing of it, and what a person has recovered may be anything.
  if (file.closed || the_ledger().originals || the_ledger().recovered) return;
  const auto id = id_of(file);
  const auto record = id ? record_of_this_boot() : std::nullopt;
  if (record && record->poisoned && id->number <= *record->poisoned) file.closed = file.cached;
}

void close_what_was_synced_by(const process& dead) {
  const inode* const lock = look_up("/store.lock");
  if (lock == nullptr || the_ledger().originals || !has_lock(dead, *lock)) return;
  const auto record = record_of_this_boot();
  if (!record || !record->syncing) return;
  inode* const file = data_file(*record->syncing);
  if (file != nullptr) file->closed = file->cached;
}

void check_untouched() {
  for (const inode* one : the_world().storage->inodes) {
    if (one->kept && *one->kept != one->cached)
      complain("a file that is another's was changed: " + std::string(some_name_of(*one)));
    if (one->doubtful && *one->doubtful != one->cached)
      complain("a file in doubt was written: " + std::string(some_name_of(*one)));
    if (one->closed && !is_mended(one->cached, *one->closed))
      complain("a poisoned file was written: " + std::string(some_name_of(*one)));
  }
  const inode* const store = look_up("/store");
  for (const foreign_file& one : the_ledger().foreign_files) {
    if (store == nullptr || look_up_in(*store, one.name) != one.content)
      complain("somebody's file is gone: " + std::string(one.name));
  }
}

void check_tables() {
  const inode* const store = look_up("/store");
  const inode* const lock = look_up("/store.lock");
  if (store == nullptr || lock == nullptr || !lock->locked_by.empty()) return;
  // Whoever puts into plain files leaves a compressed one as it is.
  if (the_ledger().damaged || the_ledger().puts_plain || the_world().last_trouble >= 0) return;
  for (const auto& [name, file] : store->names) {
    const auto id = files::parse_file_name(name);
    if (!id || id->form != file_form::zstd || file->kept || file->doubtful || file->closed)
      continue;
    if (!table_size(file->cached))
      complain("a compressed file ends in no table: " + std::string(name));
  }
}

}  // namespace conduit::simulation
