// Files that no process may change or take away, whatever was promised of them: of a backup, in
// doubt, poisoned, or somebody's own. Found by looking at the disk, and not at what a store
// answers.
#pragma once

#include <optional>
#include <string>

#include "lock/lock_record.hpp"
#include "simulation/world/inodes.hpp"

namespace conduit::simulation {

// Where it speaks for this boot.
std::optional<lock::lock_record> record_of_this_boot();
// For a story that has all calls.
std::string words_of(const lock::lock_record& record);
// The data file of that number, in the one form or the other.
inode* data_file(std::uint32_t number);
std::optional<std::uint32_t> highest_number();
// The bytes of the seek table at the end of a compressed file, where it ends in one.
std::optional<std::uint64_t> table_size(const shared_string& content);

// Before bytes of a file change: to one that the record calls poisoned nothing is appended.
void note_change_of_poisoned(inode& file);
// A process dies under a sync that it has announced: how that went nobody will know.
void close_what_was_synced_by(const process& dead);
// What must be as it was is as it was.
void check_untouched();
// While nobody has the lock: a compressed file that nothing went wrong with ends in its table.
void check_tables();

}  // namespace conduit::simulation
