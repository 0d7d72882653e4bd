// Puts, durable and not, from one putter and from many, against the bare system calls that write
// the same bytes in the same batches.
#include <sys/uio.h>

#include "comparison.hpp"
#include "filled_store.hpp"

namespace conduit::bench {
namespace {

// Where blobs come from: more memory than one batch, so that the processor's caches see what a
// program would show them.
class blob_source {
 public:
  blob_source() : bytes_(random_bytes(blobs * block_bytes, 1)) {}

  const char* next() { return bytes_.data() + (index_++ % blobs) * block_bytes; }

 private:
  static constexpr std::size_t blobs = 1024;
  std::vector<char> bytes_;
  std::size_t index_ = 0;
};

struct workload {
  unsigned putters = 1;
  bool durable = false;
  double seconds = 0;
  // Undurable bytes are to stay below what makes the kernel write them back: neither side pays for
  // the disk then.
  std::uint64_t blobs_max() const { return durable ? ~0ULL : (128U << 20) / block_bytes; }
};

asio::awaitable<void> put_blobs(flat_file_db db, blob_source& source, stint& time) {
  do {
    const asio::const_buffer bytes(source.next(), block_bytes);
    co_await db.put(bytes);
  } while (time.next());
}

// A store of its own context. It stays open from one sample to the next, as it would in a program.
class open_store {
 public:
  open_store(const settings& wanted, const std::filesystem::path& directory, durability how_durable)
      : db_(flat_file_db::open(context_, how(wanted, directory, how_durable))) {}

  // Each sample writes into a file of its own, as the yardstick does. The first put to a file
  // creates it, which is no part of the comparison; it is as large as a batch, so that what follows
  // is aligned like the yardstick's batches: smaller pieces of the page cache cost both sides a
  // quarter more.
  sample puts(blob_source& source, const workload& load) {
    run_one(context_, begin_file(load.putters));
    stint time(load.seconds, load.blobs_max(), 16);
    run_coroutines(context_, load.putters, [&](unsigned) { return put_blobs(db_, source, time); });
    const sample found = time.result();
    run_one(context_, remove_file());
    return found;
  }

 private:
  static options how(const settings& wanted, const std::filesystem::path& directory,
                     durability how_durable) {
    options result(directory);
    result.backend = wanted.backend;
    result.durability = how_durable;
    result.max_file_size = 1ULL << 40;  // the yardstick begins no second file either
    return result;
  }

  asio::awaitable<void> begin_file(unsigned blobs) {
    const std::vector<char> bytes(blobs * block_bytes);
    const asio::const_buffer content(bytes.data(), bytes.size());
    co_await db_.put(content);
  }
  asio::awaitable<void> remove_file() {
    const std::uint32_t next = co_await db_.roll();
    co_await db_.delete_before(next);
  }

  asio::io_context context_;
  flat_file_db db_;
};

sample writes(const scratch_directory& scratch, blob_source& source, const workload& load) {
  const std::filesystem::path path = scratch / "writes";
  sample found;
  {
    const file_descriptor file(path, O_RDWR | O_CREAT | O_EXCL);
    require(::fdatasync(file.get()) == 0, "fdatasync");
    std::vector<iovec> parts(load.putters);
    off_t end = 0;
    stint time(load.seconds, load.blobs_max(), 16);
    bool more = true;
    while (more) {
      for (iovec& part : parts) part = {const_cast<char*>(source.next()), block_bytes};
      const ssize_t count =
          load.putters == 1
              ? ::pwrite(file.get(), parts[0].iov_base, block_bytes, end)
              : ::pwritev(file.get(), parts.data(), static_cast<int>(parts.size()), end);
      require(count == static_cast<ssize_t>(parts.size() * block_bytes), "pwritev");
      end += count;
      if (load.durable) require(::fdatasync(file.get()) == 0, "fdatasync");
      for (std::size_t i = 0; i < parts.size(); ++i) more = time.next();
    }
    found = time.result();
  }
  std::filesystem::remove(path);
  return found;
}

void run(const settings& wanted) {
  const scratch_directory scratch(wanted);
  blob_source source;
  open_store durable_store(wanted, scratch / "durable", durability::fdatasync);
  open_store other_store(wanted, scratch / "other", durability::none);
  const auto nothing = [] {};
  const auto case_of = [&](unsigned row, unsigned putters, bool durable, double least) {
    if (!wanted.wants(row)) return;
    const workload load{putters, durable, wanted.seconds};
    const std::string what = std::string(durable ? "durable" : "undurable") +
                             " puts, putters: " + std::to_string(putters) + " / " +
                             (putters == 1 ? "pwrite" : "pwritev of as many") +
                             (durable ? " + fdatasync" : "");
    open_store& store = durable ? durable_store : other_store;
    compare(
        wanted, row, what, {least}, [&] { return store.puts(source, load); },
        [&] { return writes(scratch, source, load); }, nothing);
  };
  print_header(wanted);
  case_of(7, 1, true, 0.95);
  case_of(8, 32, true, 0.90);
  case_of(8, 256, true, 0.90);
  case_of(10, 1, false, 0.60);
  case_of(10, 64, false, 0.85);
}

}  // namespace
}  // namespace conduit::bench

int main(int count, char** words) {
  return conduit::bench::run_program(count, words, conduit::bench::run);
}
