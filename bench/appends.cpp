// Puts, durable and not, from one putter and from many, against the bare system calls that write
// the same bytes in the same batches.
#include <sys/uio.h>

#include "comparison.hpp"
#include "filled_store.hpp"
#include "put_load.hpp"

namespace conduit::bench {
namespace {

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
  print_header();
  case_of(7, 1, true, 0.95);
  case_of(8, 32, true, 0.95);
  case_of(8, 256, true, 0.95);
  case_of(10, 1, false, 0.65);
  case_of(10, 64, false, 0.85);
}

}  // namespace
}  // namespace conduit::bench

int main(int count, char** words) {
  return conduit::bench::run_program(count, words, {7, 8, 10}, conduit::bench::run);
}
