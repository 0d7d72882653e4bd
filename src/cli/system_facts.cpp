#include "cli/system_facts.hpp"

#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <linux/magic.h>
#include <sys/statfs.h>
#include <sys/utsname.h>

namespace conduit::cli {
namespace {

// Not in linux/magic.h of every kernel that runs them; statfs(2) lists them.
constexpr long zfs_magic = 0x2fc12fc1;

const char* name_of(long magic) {
  switch (magic) {
    case EXT4_SUPER_MAGIC:
      return "ext4";
    case XFS_SUPER_MAGIC:
      return "xfs";
    case BTRFS_SUPER_MAGIC:
      return "btrfs";
    case F2FS_SUPER_MAGIC:
      return "f2fs";
    case TMPFS_MAGIC:
      return "tmpfs";
    case OVERLAYFS_SUPER_MAGIC:
      return "overlay";
    case zfs_magic:
      return "zfs";
    case NFS_SUPER_MAGIC:
      return "nfs";
    case static_cast<long>(SMB2_SUPER_MAGIC):
    case static_cast<long>(CIFS_SUPER_MAGIC):
      return "cifs";
    case FUSE_SUPER_MAGIC:
      return "fuse";
    case V9FS_MAGIC:
      return "9p";
    default:
      return nullptr;
  }
}

}  // namespace

std::string kernel_release() {
  utsname name{};
  ::uname(&name);
  return name.release;
}

std::optional<std::uint64_t> soft_limit(decltype(RLIMIT_NOFILE) resource) {
  rlimit limit{};
  if (::getrlimit(resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return std::nullopt;
  return limit.rlim_cur;
}

std::optional<int> io_uring_disabled() {
  std::ifstream file("/proc/sys/kernel/io_uring_disabled");
  int value = 0;
  if (!(file >> value)) return std::nullopt;
  return value;
}

std::string file_system_of(const std::string& path) {
  struct statfs found{};
  const std::filesystem::path parent = std::filesystem::absolute(path).parent_path();
  if (::statfs(path.c_str(), &found) != 0 && ::statfs(parent.c_str(), &found) != 0)
    return "unknown";
  const char* name = name_of(found.f_type);
  return name != nullptr ? name : fmt::format("{:#x}", found.f_type);
}

}  // namespace conduit::cli
