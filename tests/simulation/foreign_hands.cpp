#include "simulation/foreign_hands.hpp"

#include <optional>
#include <span>
#include <string>

#include "files/file_name.hpp"
#include "files/lock_record.hpp"
#include "simulation/players/ledger.hpp"
#include "simulation/world/inodes.hpp"

namespace conduit::simulation {

namespace {

// As calls/opening.cpp spells it, in bytes.
files::boot_id boot_of(std::uint64_t boots) noexcept {
  files::boot_id id{};
  for (std::size_t i = 0; i < 4; ++i) id[i] = static_cast<std::byte>(boots >> (8 * (3 - i)));
  id[6] = std::byte{0x40};
  id[8] = std::byte{0x80};
  return id;
}

// The record, where nobody has the lock and it speaks for this boot.
std::optional<files::lock_record> record_of_this_boot() {
  const inode* const lock = look_up("/store.lock");
  if (lock == nullptr || !lock->locked_by.empty() || !lock->locked_by_process.empty()) return std::nullopt;
  const auto record = files::lock_record::decode(std::as_bytes(std::span(lock->cached.data(), lock->cached.size())));
  if (!record || record->boot != boot_of(the_world().boots)) return std::nullopt;
  return record;
}

}  // namespace

void damage_mutable_file(std::uint64_t kind, std::uint64_t where) {
  const auto record = record_of_this_boot();
  inode* const store = look_up("/store");
  if (!record || store == nullptr || record->end == 0) return;
  const bool framed = look_up_in(*store, files::file_name(record->mutable_file, file_form::zstd).text()) != nullptr;
  inode* const file = look_up_in(*store, files::file_name(record->mutable_file, framed ? file_form::zstd : file_form::plain).text());
  if (file == nullptr || file->links != 1 || file->cached.size() < record->end) return;
  shared_string& content = file->cached;
  if (kind == 0) {
    content.resize(where % record->end);
  } else if (framed && file->opened == 0) {
    // A process that has it open walks only what it does not know.
    content[where % record->end] = static_cast<char>(~content[where % record->end]);
    content.resize(record->end);
  } else {
    return;
  }
  file->pending.clear();
  file->durable = content;
  file->doubtful = content;
  give_up(record->mutable_file);
  tell("  somebody damaged file " + std::to_string(record->mutable_file));
}

void put_foreign_file(std::uint64_t which) {
  const auto record = record_of_this_boot();
  inode* const store = look_up("/store");
  if (!record || store == nullptr || record->mutable_file == 0) return;
  const auto number = static_cast<std::uint32_t>(which % record->mutable_file);
  const std::string compressed = files::file_name(number, file_form::zstd).text();
  if (look_up_in(*store, compressed) != nullptr || look_up_in(*store, files::file_name(number).text()) == nullptr) return;
  inode& made = create_inode(false);
  add_name(*store, compressed, made);
  made.cached = made.durable = "somebody's own";
  made.kept = made.cached;
  give_up(number);
  the_ledger().foreign_files = true;
  tell("  somebody put " + compressed + " there");
}

}  // namespace conduit::simulation
