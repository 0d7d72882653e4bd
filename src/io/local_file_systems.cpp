#include "io/local_file_systems.hpp"

#include <sys/vfs.h>

#include <algorithm>
#include <array>

namespace conduit::io {

namespace {

// The numbers come from statfs(2), and from kernel sources where it gives none. Not 9p and
// virtiofs: a virtual machine shares them with its host, whose processes its locks may not reach.
constexpr std::array<unsigned long, 15> local{
    0xEF53 /* ext2, ext3, ext4 */, 0x58465342 /* xfs */,      0x9123683E /* btrfs */,
    0xF2F52010 /* f2fs */,         0xCA451A4E /* bcachefs */, 0x2FC12FC1 /* zfs */,
    0x01021994 /* tmpfs */,        0x858458F6 /* ramfs */,    0x794C7630 /* overlayfs */,
    0x52654973 /* reiserfs */,     0x3153464A /* jfs */,      0x3434 /* nilfs2 */,
    0xF15F /* ecryptfs */,         0x61756673 /* aufs */,     0x7366746E /* ntfs3 */};

}  // namespace

bool is_on_local_file_system(const std::string& path) noexcept {
  struct statfs found{};
  if (::statfs(path.c_str(), &found) != 0) return true;
  // The type is signed on some architectures.
  const auto type = static_cast<unsigned long>(found.f_type) & 0xFFFFFFFFUL;
  return std::find(local.begin(), local.end(), type) != local.end();
}

}  // namespace conduit::io
