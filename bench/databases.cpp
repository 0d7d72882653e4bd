// Puts against the databases that a C++ program would embed instead, each used as its manual
// advises for this: one call a blob, a key of eight bytes.
#include <leveldb/db.h>
#include <lmdb.h>
#include <rocksdb/db.h>
#include <rocksdb/options.h>

#include <array>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "comparison.hpp"
#include "put_load.hpp"

namespace conduit::bench {
namespace {

using key = std::array<char, 8>;

// Big-endian: ascending numbers are ascending keys, which all three prefer.
key key_of(std::uint64_t number) {
  key result{};
  for (std::size_t i = 0; i < result.size(); ++i)
    result[i] = static_cast<char>(number >> (8 * (result.size() - 1 - i)));
  return result;
}

template <typename Status>
void require_ok(const Status& status) {
  if (!status.ok()) throw std::runtime_error(status.ToString());
}

// A database of its own for each sample.
class scratch_database {
 public:
  scratch_database(const scratch_directory& scratch, const std::string& name)
      : path_(scratch / name) {
    std::filesystem::create_directories(path_);
  }
  scratch_database(const scratch_database&) = delete;
  scratch_database& operator=(const scratch_database&) = delete;
  ~scratch_database() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

// Blobs of 4 KiB go into files of their own kind, as in a store of blobs.
std::unique_ptr<rocksdb::DB> open_rocksdb(const std::string& path) {
  rocksdb::Options how;
  how.create_if_missing = true;
  how.enable_blob_files = true;
  how.min_blob_size = 0;
  how.compression = rocksdb::kNoCompression;
  rocksdb::DB* opened = nullptr;
  require_ok(rocksdb::DB::Open(how, path, &opened));
  return std::unique_ptr<rocksdb::DB>(opened);
}

sample rocksdb_puts(const scratch_directory& scratch, unsigned threads, bool durable,
                    double seconds) {
  const scratch_database place(scratch, "rocksdb");
  const auto db = open_rocksdb(place.path());
  rocksdb::WriteOptions how;
  how.sync = durable;
  const double cpu = cpu_seconds();
  const auto begin = stint::clock::now();
  std::vector<std::uint64_t> counts(threads);
  std::vector<std::thread> running;
  for (unsigned index = 0; index < threads; ++index) {
    running.emplace_back([&, index] {
      blob_source source;
      stint time(seconds, ~0ULL, 1);
      do {
        const key name = key_of((std::uint64_t{index} << 48) + time.count());
        const rocksdb::Slice value(source.next(), block_bytes);
        if (!db->Put(how, {name.data(), name.size()}, value).ok()) return;
      } while (time.next());
      counts[index] = time.count();
    });
  }
  for (std::thread& one : running) one.join();
  const double wall = std::chrono::duration<double>(stint::clock::now() - begin).count();
  double count = 0;
  for (const std::uint64_t one : counts) {
    require(one != 0, "a thread of RocksDB failed");
    count += static_cast<double>(one);
  }
  return {count / wall, (cpu_seconds() - cpu) * 1e6 / count};
}

sample leveldb_puts(const scratch_directory& scratch, double seconds) {
  const scratch_database place(scratch, "leveldb");
  leveldb::Options how;
  how.create_if_missing = true;
  how.compression = leveldb::kNoCompression;
  leveldb::DB* opened = nullptr;
  require_ok(leveldb::DB::Open(how, place.path(), &opened));
  const std::unique_ptr<leveldb::DB> db(opened);
  blob_source source;
  stint time(seconds);
  do {
    const key name = key_of(time.count());
    require_ok(db->Put({}, {name.data(), name.size()}, {source.next(), block_bytes}));
  } while (time.next());
  return time.result();
}

void require_lmdb(int result) {
  if (result != 0) throw std::runtime_error(::mdb_strerror(result));
}

// MDB_NOSYNC: nothing here is durable either. MDB_APPEND: its fast way for ascending keys.
sample lmdb_puts(const scratch_directory& scratch, double seconds) {
  const scratch_database place(scratch, "lmdb");
  MDB_env* created = nullptr;
  require_lmdb(::mdb_env_create(&created));
  const std::unique_ptr<MDB_env, void (*)(MDB_env*)> env(created, ::mdb_env_close);
  require_lmdb(::mdb_env_set_mapsize(env.get(), std::size_t{16} << 30));
  require_lmdb(::mdb_env_open(env.get(), place.path().c_str(), MDB_NOSYNC, 0600));
  blob_source source;
  stint time(seconds);
  do {
    key name = key_of(time.count());
    MDB_txn* transaction = nullptr;
    MDB_dbi table = 0;
    require_lmdb(::mdb_txn_begin(env.get(), nullptr, 0, &transaction));
    require_lmdb(::mdb_dbi_open(transaction, nullptr, 0, &table));
    MDB_val named{name.size(), name.data()};
    MDB_val value{block_bytes, const_cast<char*>(source.next())};
    require_lmdb(::mdb_put(transaction, table, &named, &value, MDB_APPEND));
    require_lmdb(::mdb_txn_commit(transaction));
  } while (time.next());
  return time.result();
}

void run(const settings& wanted) {
  const scratch_directory scratch(wanted);
  blob_source source;
  open_store durable_store(wanted, scratch / "durable", durability::fdatasync);
  open_store other_store(wanted, scratch / "other", durability::none);
  const auto nothing = [] {};
  const double seconds = wanted.seconds;
  print_header();
  struct aim {
    unsigned putters;
    unsigned threads;
    double ratio;
  };
  for (const aim& one : {aim{32, 32, 4}, aim{256, 128, 8}}) {
    if (!wanted.wants(9)) break;
    const workload load{one.putters, true, seconds};
    compare(
        wanted, 9,
        "durable puts, putters: " + std::to_string(one.putters) +
            " / RocksDB BlobDB, threads: " + std::to_string(one.threads),
        {one.ratio}, [&] { return durable_store.puts(source, load); },
        [&] { return rocksdb_puts(scratch, one.threads, true, seconds); }, nothing);
  }
  if (!wanted.wants(11)) return;
  const workload load{64, false, seconds};
  const auto ours = [&] { return other_store.puts(source, load); };
  const std::string what = "undurable puts, putters: 64 / ";
  compare(
      wanted, 11, what + "RocksDB BlobDB, one by one", {5}, ours,
      [&] { return rocksdb_puts(scratch, 1, false, seconds); }, nothing);
  compare(
      wanted, 11, what + "LMDB, one by one", {5}, ours, [&] { return lmdb_puts(scratch, seconds); },
      nothing);
  compare(
      wanted, 11, what + "LevelDB, one by one", {5}, ours,
      [&] { return leveldb_puts(scratch, seconds); }, nothing);
}

}  // namespace
}  // namespace conduit::bench

int main(int count, char** words) {
  return conduit::bench::run_program(count, words, {9, 11}, conduit::bench::run);
}
