// Puts while sealed files are compressed behind them, against the same puts of a plain store beside
// a thread that does nothing but compress the same data.
#include <zstd.h>

#include <atomic>
#include <thread>

#include "bare_codec.hpp"
#include "comparison.hpp"
#include "filled_store.hpp"
#include "mixed_text.hpp"

namespace conduit::bench {
namespace {

// More than is compressed in a sample, so that there is something to do from its first put to its
// last; and small files, so that several are finished in that time.
constexpr std::uint64_t sealed_files = 12;
constexpr std::uint64_t file_bytes = 16U << 20;
constexpr std::size_t blob_bytes = 1U << 20;
// Some 128 MiB of a sample reach the page cache: the kernel does not write back yet.
constexpr std::uint64_t puts_max = (128U << 20) / block_bytes;

options store_in(const settings& wanted, const std::filesystem::path& directory, compression form) {
  options result(directory);
  result.backend = wanted.backend;
  result.compression = form;
  return result;
}

asio::awaitable<void> fill(flat_file_db db, const std::vector<char>& text) {
  for (std::uint64_t file = 0; file < sealed_files; ++file) {
    for (std::uint64_t done = 0; done < file_bytes; done += blob_bytes) {
      const asio::const_buffer blob(text.data() + (file * file_bytes + done) % text.size(),
                                    blob_bytes);
      co_await db.put(blob);
    }
    co_await db.roll();
  }
  co_await db.sync();
}

// The store's survey finds the plain files after it was opened.
void wait_for_backlog(const flat_file_db& db) {
  while (db.stats().compression_backlog == 0) std::this_thread::yield();
}

// Ends early if all files are compressed: puts alone are not what is measured.
asio::awaitable<void> put_blobs(flat_file_db db, const std::vector<char>& text, stint& time,
                                bool beside_backlog) {
  do {
    const asio::const_buffer blob(text.data() + time.count() * block_bytes % text.size(),
                                  block_bytes);
    co_await db.put(blob);
    if (beside_backlog && time.count() % 64 == 0 && db.stats().compression_backlog == 0) break;
  } while (time.next());
}

// Ends with the sample.
class compressing_thread {
 public:
  explicit compressing_thread(const std::vector<char>& text)
      : thread_([this, &text] { run(text); }) {}
  compressing_thread(const compressing_thread&) = delete;
  compressing_thread& operator=(const compressing_thread&) = delete;
  ~compressing_thread() {
    stop_ = true;
    thread_.join();
  }

 private:
  void run(const std::vector<char>& text) {
    const std::size_t frame_bytes = options().frame_bytes;
    bare_encoder encoder;
    std::vector<char> stored(ZSTD_compressBound(frame_bytes));
    for (std::size_t at = 0; !stop_; at = (at + frame_bytes) % text.size()) {
      encoder.encode(text.data() + at, frame_bytes, stored.data(), stored.size());
    }
  }

  std::atomic<bool> stop_{false};
  std::thread thread_;
};

// The sealed files stand there plain before each sample; the store that is measured finds them.
sample puts(const settings& wanted, const scratch_directory& scratch, const std::vector<char>& text,
            unsigned putters, compression form) {
  const std::filesystem::path directory = scratch / "store";
  {
    asio::io_context context;
    const flat_file_db db =
        flat_file_db::open(context, store_in(wanted, directory, compression::none));
    run_one(context, fill(db, text));
  }
  const bool compresses = form != compression::none;
  sample found;
  {
    asio::io_context context;
    std::optional<compressing_thread> beside;
    if (!compresses) beside.emplace(text);
    const flat_file_db db = flat_file_db::open(context, store_in(wanted, directory, form));
    if (compresses) wait_for_backlog(db);
    stint time(wanted.seconds, puts_max, 16);
    run_coroutines(context, putters,
                   [&](unsigned) { return put_blobs(db, text, time, compresses); });
    found = time.result();
  }
  std::filesystem::remove_all(directory);
  return found;
}

void run(const settings& wanted) {
  const scratch_directory scratch(wanted);
  const std::vector<char> text = mixed_bytes(32U << 20, 1);
  print_header();
  for (const unsigned putters : {1U, 64U}) {
    if (!wanted.wants(13)) continue;
    compare(
        wanted, 13,
        "puts with sealing behind, putters: " + std::to_string(putters) +
            " / plain beside ZSTD_compress2",
        {0.95}, [&] { return puts(wanted, scratch, text, putters, compression::zstd_on_seal); },
        [&] { return puts(wanted, scratch, text, putters, compression::none); }, [] {});
  }
}

}  // namespace
}  // namespace conduit::bench

int main(int count, char** words) {
  return conduit::bench::run_program(count, words, {13}, conduit::bench::run);
}
