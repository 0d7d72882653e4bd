#include "simulation/world/faults.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <vector>

#include "simulation/world/tasks.hpp"

namespace conduit::simulation {

namespace {

constexpr std::array<std::string_view, troubles> names{
    "read", "read_cached", "write", "ring_read", "ring_write", "ring_sync", "sync_data",
    "sync_directory", "begin_write_back", "unwritten_bytes", "truncate", "remove", "link",
    "change_mode", "list", "open", "create", "status", "lock", "touch", "ring_setup", "ring_submit",
    "new_thread", "new_descriptor", "watch_names", "memory",
    // What is no call's answer.
    "power_failure", "kill", "stop", "full_disk", "no_thread", "no_descriptor", "failed_sync",
    "failed_write_back", "lying_sync", "hard_link", "reused_inode", "fork", "destruction", "close",
    "cancellation", "parted_submission", "ended_submitter"};

}  // namespace

std::string_view name_of(trouble what) noexcept { return names[static_cast<std::size_t>(what)]; }

const std::vector<int>& errors_of(kernel_call what) {
  using enum kernel_call;
  static const std::map<kernel_call, std::vector<int>> possible{
      {read, {EIO, EINTR, EAGAIN, 0}},
      {read_cached, {EIO, EAGAIN, EINTR, EOPNOTSUPP, 0}},
      {write, {EIO, ENOSPC, EDQUOT, EFBIG, EINTR, EAGAIN, 0}},
      {ring_read, {EIO, EINTR, EAGAIN, 0}},
      {ring_write, {EIO, ENOSPC, EDQUOT, EFBIG, EINTR, EAGAIN, 0}},
      {ring_sync, {EIO, ENOSPC, EDQUOT}},
      {sync_data, {EIO, ENOSPC, EDQUOT}},
      {sync_directory, {EIO, ENOSPC}},
      {begin_write_back, {EIO, ENOSPC}},
      {unwritten_bytes, {ENOSYS, EPERM}},
      {truncate, {EIO, EINTR}},
      {remove, {EIO, EROFS, EPERM}},
      {link, {EIO, ENOSPC, EDQUOT, EOPNOTSUPP}},
      {change_mode, {EIO, EPERM}},
      {list, {EIO, ENOMEM}},
      {open, {EIO, EMFILE, ENFILE, ENOMEM, EACCES}},
      {create, {EIO, ENOSPC, EDQUOT, EMFILE, ENFILE, ENOMEM, EACCES}},
      {status, {EIO, ENOMEM}},
      {lock, {EIO, ENOLCK, EINTR}},
      {touch, {EIO, EPERM}},
      {ring_setup, {EPERM, EACCES, ENOSYS, ENOMEM}},
      {ring_submit, {EAGAIN, EBUSY, EINTR}},
      {new_thread, {EAGAIN}},
      {new_descriptor, {EMFILE, ENFILE}},
      {watch_names, {EMFILE, ENOSPC, ENOMEM}},
      {memory, {ENOMEM}}};
  return possible.at(what);
}

std::optional<int> injected(kernel_call what) noexcept {
  if (current_task()->sheltered) return std::nullopt;
  ++the_world().asked[static_cast<std::size_t>(what)];
  for (fault_rule& rule : the_world().faults) {
    if (rule.what != what || rule.times == 0) continue;
    if (rule.process != fault_rule::anybody && rule.process != current_process().number) continue;
    if (rule.skip != 0) {
      --rule.skip;
      continue;
    }
    --rule.times;
    note_trouble();
    meet(trouble_of(what), &current_process());
    leave_trace(static_cast<std::uint64_t>(what));
    return rule.error;
  }
  return std::nullopt;
}

std::int64_t refusal(kernel_call what) noexcept {
  const std::optional<int> error = injected(what);
  return error ? -*error : 0;
}

std::uint64_t shortened(std::uint64_t size) {
  return size <= 1 ? size : 1 + random_below(size - 1);
}

}  // namespace conduit::simulation
