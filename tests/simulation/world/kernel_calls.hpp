// The calls that can be made to fail, and the rule that makes one fail.
#pragma once

#include <cstddef>
#include <cstdint>

namespace conduit::simulation {

enum class kernel_call : std::uint8_t {
  read,
  read_cached,
  write,
  ring_read,
  ring_write,
  ring_sync,
  sync_data,
  sync_directory,
  begin_write_back,
  unwritten_bytes,
  truncate,
  remove,
  link,
  change_mode,
  list,
  open,
  create,
  status,
  lock,
  touch,
  ring_setup,
  ring_submit,
  new_thread,
  new_descriptor,
  watch_names,
  memory
};
inline constexpr std::size_t kernel_calls = 26;

struct fault_rule {
  static constexpr unsigned anybody = UINT32_MAX;

  kernel_call what = kernel_call::read;
  int error = 0;  // an errno; 0: a transfer comes back short
  unsigned process = anybody;
  unsigned skip = 0;   // calls that still pass
  unsigned times = 1;  // calls that fail then
};

// What may happen to operations that are under way: one of these calls fails, or something that is
// no call's answer.
enum class trouble : std::uint8_t {
  power_failure = kernel_calls,
  kill,
  stop,
  full_disk,
  no_thread,
  no_descriptor,
  failed_sync,
  failed_write_back,
  lying_sync,
  hard_link,
  reused_inode,
  fork,
  destruction,
  close,
  cancellation,
  parted_submission,
  ended_submitter
};
inline constexpr std::size_t troubles = 43;
constexpr trouble trouble_of(kernel_call what) noexcept { return static_cast<trouble>(what); }

}  // namespace conduit::simulation
