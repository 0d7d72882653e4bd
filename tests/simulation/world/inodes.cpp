#include "simulation/world/inodes.hpp"

#include <sys/inotify.h>

#include <algorithm>
#include <cerrno>
#include <string>

#include "simulation/protected_files.hpp"
#include "simulation/world/change_queue.hpp"

namespace conduit::simulation {

namespace {

constexpr std::size_t sector = 512;
// The kernel's own time stamps are no finer.
constexpr nanoseconds time_stamp_tick = 4 * millisecond;
// Older versions than these of a small file that is written in place, the lock's record, are not
// worth keeping.
constexpr std::size_t versions_max = 8;
constexpr std::size_t small_file = 1024;

disk& storage() noexcept { return *the_world().storage; }

void write_into(shared_string& content, std::uint64_t offset, std::string_view bytes) {
  if (bytes.empty()) return;
  if (content.size() < offset + bytes.size()) content.resize(offset + bytes.size(), '\0');
  std::copy(bytes.begin(), bytes.end(), content.begin() + static_cast<std::ptrdiff_t>(offset));
}

void carry_out(const change& one, shared_string& content) {
  if (one.truncates) {
    content.resize(one.offset, '\0');
  } else {
    write_into(content, one.offset, one.bytes);
  }
}

void carry_out(const name_change& one, shared_map<shared_string, inode*>& names) {
  if (one.target != nullptr) {
    names[one.name] = one.target;
  } else {
    names.erase(one.name);
  }
}

// Each sector of a write that was under way reached the medium or did not.
void keep_some(const change& one, shared_string& content) {
  if (by_chance(35)) return;
  if (one.truncates || by_chance(50)) return carry_out(one, content);
  const std::string_view bytes = one.bytes;
  for (std::size_t from = 0; from < bytes.size();) {
    const std::string_view part = bytes.substr(from, sector - (one.offset + from) % sector);
    if (by_chance(50)) write_into(content, one.offset + from, part);
    from += part.size();
  }
}

void bring_to_medium(inode& file, bool fails) {
  for (const change& one : file.pending) {
    if (fails) {
      keep_some(one, file.durable);
    } else {
      carry_out(one, file.durable);
    }
  }
  file.pending.clear();
  if (!fails) return;
  tell("  writing " + std::string(some_name_of(file)) + " fails");
  ++file.errors;
  note_trouble();
  the_world().sync_failed = true;
}

void bring_names_to_medium(inode& directory, bool fails) {
  for (const name_change& one : directory.pending_names) {
    if (!fails || by_chance(50)) carry_out(one, directory.durable_names);
  }
  directory.pending_names.clear();
  if (!fails) return;
  tell("  a sync of a directory fails");
  ++directory.errors;
  note_trouble();
  the_world().sync_failed = true;
}

// A description hears of each error that came after it was opened, once.
std::int64_t report_errors(inode& file, unsigned& errors_seen) {
  file.errors_reported = file.errors;
  const bool news = errors_seen != file.errors;
  errors_seen = file.errors;
  if (news) {
    note_trouble();
    meet(trouble::failed_sync);
  }
  return news ? -EIO : 0;
}

void note_change(inode& file, change one) {
  carry_out(one, file.cached);
  file.pending.push_back(std::move(one));
  if (file.cached.size() <= small_file && file.pending.size() > versions_max) {
    carry_out(file.pending.front(), file.durable);
    file.pending.erase(file.pending.begin());
  }
  if (!by_chance(storage().faults.write_back_failures)) return;
  meet(trouble::failed_write_back);
  bring_to_medium(file, true);
}

nanoseconds time_stamp() noexcept { return the_world().now / time_stamp_tick * time_stamp_tick; }

std::uint64_t free_number() {
  shared_set<std::uint64_t> taken;
  for (const inode* one : storage().inodes) {
    if (one->links != 0 || one->opened != 0) taken.insert(one->number);
  }
  // The lowest: a number comes back as soon as it is free.
  std::uint64_t number = 2;
  while (taken.contains(number)) ++number;
  if (number <= storage().highest_number) meet(trouble::reused_inode);
  storage().highest_number = std::max(storage().highest_number, number);
  return number;
}

}  // namespace

std::string_view some_name_of(const inode& file) noexcept {
  for (const inode* directory : storage().inodes) {
    for (const auto& [name, target] : directory->names) {
      if (target == &file) return name;
    }
  }
  return "a nameless one";
}

inode::~inode() {
  for (const change_watch& entry : watches) std::erase(entry.queue->watched, this);
}

disk* make_disk() {
  disk* const made = make_shared_object<disk>();
  the_world().storage = made;
  made->root = &create_inode(true);
  made->root->links = 1;
  made->root->parent = made->root;
  return made;
}

inode* look_up_in(const inode& directory, std::string_view name) {
  if (!directory.is_directory) return nullptr;
  const auto found = directory.names.find(name);
  return found == directory.names.end() ? nullptr : found->second;
}

inode* look_up(std::string_view path) {
  inode* at = storage().root;
  while (at != nullptr && !path.empty()) {
    const std::size_t end = std::min(path.find('/'), path.size());
    const std::string_view part = path.substr(0, end);
    if (!part.empty() && part != ".") at = look_up_in(*at, part);
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return at;
}

std::uint64_t used_bytes() {
  std::uint64_t sum = 0;
  for (const inode* one : storage().inodes) {
    if (one->links != 0 || one->opened != 0) sum += one->cached.size();
  }
  return sum;
}

inode& create_inode(bool directory) {
  inode& made = *make_shared_object<inode>();
  made.number = free_number();
  made.is_directory = directory;
  made.created = the_world().now;
  made.modified = time_stamp();
  storage().inodes.push_back(&made);
  return made;
}

void add_name(inode& directory, std::string_view name, inode& target) {
  const shared_string key(name.data(), name.size());
  directory.names[key] = &target;
  directory.pending_names.push_back({key, &target});
  directory.modified = time_stamp();
  ++target.links;
  if (target.is_directory) target.parent = &directory;
  report_change(directory, IN_CREATE, name);
}

void remove_name(inode& directory, std::string_view name) {
  const auto found = directory.names.find(name);
  inode& target = *found->second;
  directory.pending_names.push_back({found->first, nullptr});
  directory.names.erase(found);
  directory.modified = time_stamp();
  --target.links;
  report_change(directory, IN_DELETE, name);
  report_change(target, IN_ATTRIB, {});
  if (target.links == 0 && target.opened == 0) report_change(target, IN_DELETE_SELF, {});
  collect_garbage();
}

void collect_garbage() {
  shared_set<const inode*> reached{storage().root};
  for (const inode* one : storage().inodes) {
    if (one->links != 0 || one->opened != 0) reached.insert(one);
    for (const auto& [name, target] : one->durable_names) reached.insert(target);
    for (const name_change& pending : one->pending_names) reached.insert(pending.target);
  }
  std::erase_if(storage().inodes, [&](inode* one) {
    if (reached.contains(one)) return false;
    end_shared_object(one);
    return true;
  });
}

std::int64_t write_bytes(inode& file, std::uint64_t offset, std::string_view bytes) {
  const std::uint64_t present = file.cached.size();
  const std::uint64_t used = used_bytes();
  const std::uint64_t room = storage().capacity > used ? storage().capacity - used : 0;
  const std::uint64_t growth =
      offset + bytes.size() > present ? offset + bytes.size() - present : 0;
  if (growth > room) {
    // What fits, and the error with the next attempt.
    note_full_disk();
    meet(trouble::full_disk);
    const std::uint64_t fits = bytes.size() > growth - room ? bytes.size() - (growth - room) : 0;
    if (fits == 0) return -ENOSPC;
    bytes = bytes.substr(0, fits);
  }
  note_change_of_poisoned(file);
  note_change(file, {offset, shared_string(bytes.data(), bytes.size()), false});
  file.modified = time_stamp();
  report_change(file, IN_MODIFY, {});
  return static_cast<std::int64_t>(bytes.size());
}

std::int64_t truncate(inode& file, std::uint64_t size) {
  note_change_of_poisoned(file);
  note_change(file, {size, {}, true});
  report_change(file, IN_MODIFY, {});
  return 0;
}

std::int64_t sync_content(inode& file, unsigned& errors_seen) {
  if (by_chance(storage().faults.sync_lies)) {
    meet(trouble::lying_sync);
    return 0;
  }
  bring_to_medium(file, by_chance(storage().faults.sync_failures));
  return report_errors(file, errors_seen);
}

std::int64_t sync_names(inode& directory, unsigned& errors_seen) {
  if (by_chance(storage().faults.sync_lies)) {
    meet(trouble::lying_sync);
    return 0;
  }
  bring_names_to_medium(directory, by_chance(storage().faults.sync_failures));
  return report_errors(directory, errors_seen);
}

void fail_sync(inode& file, unsigned& errors_seen) {
  if (file.is_directory) {
    bring_names_to_medium(file, true);
  } else {
    bring_to_medium(file, true);
  }
  report_errors(file, errors_seen);
}

void write_back(inode& file) {
  bring_to_medium(file, by_chance(storage().faults.write_back_failures));
}

void lose_power(survival unsynced) {
  const auto survives = [&] {
    return unsynced == survival::everything ||
           (unsynced == survival::each_by_chance && by_chance(50));
  };
  for (inode* one : storage().inodes) {
    for (const change& lost : one->pending) {
      if (unsynced == survival::everything) carry_out(lost, one->durable);
      if (unsynced == survival::each_by_chance) keep_some(lost, one->durable);
    }
    one->pending.clear();
    one->cached = one->durable;
    for (const name_change& lost : one->pending_names) {
      if (survives()) carry_out(lost, one->durable_names);
    }
    one->pending_names.clear();
    one->names = one->durable_names;
    one->links = 0;
    one->opened = 0;
    one->errors = one->errors_reported = 0;
    one->locked_by.clear();
    one->locked_by_process.clear();
    one->watches.clear();
    if (one->kept) one->kept = one->cached;
    if (one->doubtful) one->doubtful = one->cached;
    one->closed.reset();
  }
  storage().root->links = 1;
  shared_set<inode*> seen{storage().root};
  shared_vector<inode*> to_visit{storage().root};
  while (!to_visit.empty()) {
    inode* const directory = to_visit.back();
    to_visit.pop_back();
    for (const auto& [name, target] : directory->names) {
      ++target->links;
      if (seen.insert(target).second && target->is_directory) to_visit.push_back(target);
    }
  }
  collect_garbage();
  // A number that came back with another file while the first was only deleted in memory.
  shared_set<std::uint64_t> numbers;
  for (inode* one : storage().inodes) {
    while (!numbers.insert(one->number).second) one->number += 1000;
  }
}

}  // namespace conduit::simulation
