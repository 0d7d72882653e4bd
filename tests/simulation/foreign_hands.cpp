#include "simulation/foreign_hands.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <vector>

#include "codec/frame.hpp"
#include "codec/seek_table.hpp"
#include "files/file_name.hpp"
#include "simulation/players/ledger.hpp"
#include "simulation/protected_files.hpp"
#include "support/bytes.hpp"

namespace conduit::simulation {

namespace {

// The record, where nobody has the lock, and where it speaks of the last file: a process may have
// died between a new one and its record.
std::optional<lock::lock_record> record_at_rest() {
  const inode* const lock = look_up("/store.lock");
  if (lock == nullptr || !lock->locked_by.empty() || !lock->locked_by_process.empty())
    return std::nullopt;
  const auto record = record_of_this_boot();
  const bool of_the_last = record && highest_number() == record->mutable_file;
  return of_the_last ? record : std::nullopt;
}

// A process has been asked to mend a file, whatever somebody else makes of it.
bool is_being_recovered() {
  const auto& all = the_world().processes;
  return std::any_of(all.begin(), all.end(), [](const process* one) {
    return one->alive && one->pending[static_cast<std::size_t>(verb::recover)] != 0;
  });
}

// What a writer leaves that dies in the middle of a frame: this one's blob ends in the table of a
// file of one frame.
void tear(inode& file, std::uint64_t end, std::uint64_t size) {
  std::string frame = "\x28\xB5\x2F\xFD" + test::bytes_of(size, size % 300);
  const codec::frame_sizes forged{static_cast<std::uint32_t>(end + frame.size()),
                                  static_cast<std::uint32_t>(end + size)};
  codec::growing_table table;
  table.append(std::array{forged});
  frame.append(reinterpret_cast<const char*>(table.bytes().data()), table.bytes().size());
  write_bytes(file, end, frame);
}

// What one leaves that dies between a frame and its table.
void leave_frame_alone(inode& file, std::uint64_t end, std::uint64_t size) {
  const std::string plain = test::bytes_of(size, size % 300);
  std::vector<std::byte> frame;
  std::uint32_t stored_size = 0;
  if (codec::encoder(1).append(std::as_bytes(std::span(plain)), frame, stored_size)) return;
  truncate(file, end);
  write_bytes(file, end, {reinterpret_cast<const char*>(frame.data()), frame.size()});
}

}  // namespace

void damage_mutable_file(std::uint64_t kind, std::uint64_t where) {
  const auto record = record_at_rest();
  if (!record || record->end == 0 || is_being_recovered()) return;
  inode* const file = data_file(record->mutable_file);
  if (file == nullptr || file->links != 1 || file->doubtful || file->cached.size() < record->end)
    return;
  const bool framed = files::parse_file_name(some_name_of(*file))->form == file_form::zstd;
  shared_string& content = file->cached;
  if (kind >= 2) {
    const bool goes_on =
        !file->closed && (!record->poisoned || *record->poisoned < record->mutable_file);
    // The record may be behind, where it could not be written.
    const auto table = framed ? table_size(content) : std::nullopt;
    if (!table || content.size() - *table != record->end || !goes_on) return;
    return kind == 2 ? tear(*file, record->end, where)
                     : leave_frame_alone(*file, record->end, where);
  }
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
  file->closed.reset();
  the_ledger().damaged = true;
  give_up(record->mutable_file);
  tell("  somebody damaged file " + std::to_string(record->mutable_file));
}

void put_foreign_file(std::uint64_t which) {
  const auto record = record_at_rest();
  inode* const store = look_up("/store");
  if (!record || store == nullptr || record->mutable_file == 0) return;
  const auto number = static_cast<std::uint32_t>(which % record->mutable_file);
  const std::string compressed = files::file_name(number, file_form::zstd).text();
  if (look_up_in(*store, compressed) != nullptr ||
      look_up_in(*store, files::file_name(number).text()) == nullptr)
    return;
  inode& made = create_inode(false);
  add_name(*store, compressed, made);
  made.cached = made.durable = "somebody's own";
  made.kept = made.cached;
  give_up(number);
  add_foreign_file({number, shared_string(compressed.data(), compressed.size()), &made});
  tell("  somebody put " + compressed + " there");
}

}  // namespace conduit::simulation
