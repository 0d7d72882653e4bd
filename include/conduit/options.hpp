// The options for opening a store. Every field has a default that suits a server on a local disk.
#pragma once

#include <conduit/event.hpp>
#include <cstddef>
#include <cstdint>
#include <filesystem>

namespace conduit {

enum class durability {
  none,      // like the original: an acknowledged put survives kill -9; `sync()` makes it survive a
             // power loss
  fdatasync  // an acknowledged put survives a power loss; puts that arrive together share one sync
};

enum class compression {
  follow,  // the mutable file's form; a new store is plain
  none,    // `.dat`; a mutable `.dat.zst` is sealed by the first put
  zstd,    // `.dat.zst` in the Zstandard seekable format, the mutable file too; a mutable `.dat` is
           // sealed by the first put
  zstd_on_seal  // the mutable file is plain, and each sealed one is compressed in the background.
                // Not beside running originals
};

enum class backend {
  automatic,  // io_uring, or threads if it is forbidden
  io_uring,   // io_uring, or an error from `open`
  threads     // reads of the page cache on the spot, the rest by pread and pwritev on a small pool
};

// An aggregate: `options("blobs")`, or by name, `options{.data_directory = "blobs", .durability =
// durability::fdatasync}`. Name it in a variable before a `co_await`: g++ 12 destroys an aggregate
// twice if it is built inside the `co_await` expression.
struct options {
  // NOLINTBEGIN(readability-redundant-member-init): otherwise compilers warn of each field that a
  // caller does not name.
  std::filesystem::path data_directory =
      {};  // holds the data files and nothing else: the original trips over other names
  // Every process of a store must name the same one. Empty: the directory made absolute, without a
  // trailing slash, plus ".lock".
  std::filesystem::path lock_path = {};

  std::uint64_t max_file_size =
      128ULL << 20;  // plain bytes at which the next put begins a new file; the original's 128 MiB
  conduit::durability durability = durability::none;
  conduit::compression compression = compression::follow;
  bool create = true;      // create the directory (mode 0700) and the lock file if they are missing
  bool read_only = false;  // create, lock, mend nothing; writing calls fail with `read_only`
  unsigned file_mode = 0600;  // mode of new data files and a new lock file, less the umask

  int level = 3;                        // zstd level for what this process compresses
  std::size_t frame_bytes = 64U << 10;  // plain bytes of a frame at most: a small slice decodes
                                        // one. Larger frames compress better
  unsigned codec_threads = 0;  // threads of a store that encode and decode; 0: one per core
  std::size_t frame_cache_bytes = 32U << 20;  // plain bytes of decoded frames that a store keeps
                                              // for slices of the same frames; 0: none

  std::size_t pending_put_bytes = 64U << 20;  // bytes; puts beyond it wait for room: bounds what a
                                              // burst can hold. A larger put goes alone
  std::size_t batch_bytes = 4U << 20;  // bytes of one write: larger ones gain nothing and hold the
                                       // lock longer. A larger put goes alone
  bool verify_checksums = true;        // a whole-blob get compares the location's checksum

  conduit::backend backend = backend::automatic;
  unsigned io_threads = 16;  // threads of a context with the backend `threads`; more than cores:
                             // they wait for the disk
  unsigned open_files =
      256;  // data files that a context keeps open for reading; those not used lately go first
  bool direct_io = false;  // O_DIRECT reads of sealed plain files: for data sets far beyond memory
  bool read_once = false;  // reads of more than 256 KiB leave nothing new in the page cache: for a
                           // pass over more data than memory holds, which would push out what
                           // others read often
  bool allow_network = false;  // open although data or lock lie on a file system that is not known
                               // to be local: its record locks may not work

  event_sink on_event = {};  // receives the store's events; may be empty
  // NOLINTEND(readability-redundant-member-init)
};

}  // namespace conduit
