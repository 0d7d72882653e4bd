// How a store is opened. Every field has a default that suits a server on a local disk.
#pragma once

#include <conduit/event.hpp>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <utility>

namespace conduit {

enum class durability {
  none,      // as the original: an acknowledged put survives kill -9; `sync()` makes it survive a power loss
  fdatasync  // an acknowledged put survives a power loss; puts that arrive together share one sync
};

enum class compression {
  follow,       // the mutable file's form; a new store is plain
  none,         // `.dat`
  zstd,         // `.dat.zst`, the mutable file too
  zstd_on_seal  // the mutable file is plain, a sealed one is compressed in the background
};

enum class backend {
  automatic,  // io_uring, or threads where it is forbidden
  io_uring,   // io_uring, or an error from `open`
  threads     // preadv2 and pwritev on a small pool
};

struct options {
  options() = default;
  explicit options(std::filesystem::path directory) : data_directory(std::move(directory)) {}

  std::filesystem::path data_directory;  // holds the data files and nothing else
  std::filesystem::path lock_path;       // empty: the directory made absolute, without a trailing slash, plus ".lock"

  std::uint64_t max_file_size = 128ULL << 20;  // plain bytes at which a file is sealed; as the original
  conduit::durability durability = durability::none;
  conduit::compression compression = compression::follow;
  bool create = true;      // create the directory and the lock file where they are missing
  bool read_only = false;  // create and mend nothing; put and its kin fail with `read_only`
  unsigned file_mode = 0600;

  std::size_t pending_put_bytes = 64U << 20;  // puts beyond it wait for room: bounds what a burst can hold
  std::size_t batch_bytes = 4U << 20;         // one write: larger ones gain nothing and hold the lock longer
  bool verify_checksums = true;               // a whole-blob get compares the location's checksum

  conduit::backend backend = backend::automatic;
  unsigned io_threads = 16;    // of the backend `threads`; more than cores, because they wait for the disk
  unsigned open_files = 256;   // descriptors kept open, a context
  bool direct_io = false;      // O_DIRECT reads of sealed files: for data sets far beyond memory
  bool allow_network = false;  // open although data or lock lie on a network file system, where record locks may lie

  event_sink on_event;  // where the store reports what it noticed; may be empty
};

}  // namespace conduit
