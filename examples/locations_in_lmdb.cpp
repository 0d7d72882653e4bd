// The store keeps no index: here LMDB maps names to locations, 24 bytes each. The blob is stored,
// durably, before its location is committed; so a location in the index always names a blob,
// whenever the machine stops.
#include <asio/co_spawn.hpp>
#include <asio/use_future.hpp>
#include <conduit/flat_file_db.hpp>
#include <cstddef>
#include <exception>
#include <filesystem>
#include <iostream>
#include <lmdb.h>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

void check(int result) {
  if (result != MDB_SUCCESS) throw std::runtime_error(::mdb_strerror(result));
}

class location_index {
 public:
  using entry = std::pair<std::string, conduit::data_location>;

  explicit location_index(const std::filesystem::path& file) {
    check(::mdb_env_create(&env_));
    check(::mdb_env_open(env_, file.c_str(), MDB_NOSUBDIR, 0600));
  }
  location_index(const location_index&) = delete;
  location_index& operator=(const location_index&) = delete;
  ~location_index() { ::mdb_env_close(env_); }

  // One transaction, durable when it returns. It blocks: a server does this on a thread of its own.
  void insert(const std::vector<entry>& entries) {
    MDB_txn* transaction = nullptr;
    check(::mdb_txn_begin(env_, nullptr, 0, &transaction));
    for (const auto& [name, location] : entries) {
      const auto bytes = location.encode();
      MDB_val key = value_of(name);
      MDB_val data{bytes.size(), const_cast<std::byte*>(bytes.data())};
      check(::mdb_put(transaction, table(transaction), &key, &data, 0));
    }
    check(::mdb_txn_commit(transaction));
  }

  std::optional<conduit::data_location> find(std::string_view name) {
    MDB_txn* transaction = nullptr;
    check(::mdb_txn_begin(env_, nullptr, MDB_RDONLY, &transaction));
    MDB_val key = value_of(name);
    MDB_val data{};
    const int result = ::mdb_get(transaction, table(transaction), &key, &data);
    std::optional<conduit::data_location> found;
    if (result == MDB_SUCCESS)
      found = conduit::data_location::decode(
          {static_cast<const std::byte*>(data.mv_data), data.mv_size});
    ::mdb_txn_abort(transaction);
    if (result != MDB_NOTFOUND) check(result);
    return found;
  }

 private:
  static MDB_val value_of(std::string_view text) {
    return {text.size(), const_cast<char*>(text.data())};
  }
  static MDB_dbi table(MDB_txn* transaction) {
    MDB_dbi handle = 0;
    check(::mdb_dbi_open(transaction, nullptr, 0, &handle));
    return handle;
  }

  MDB_env* env_ = nullptr;
};

asio::awaitable<void> store_and_find(conduit::flat_file_db db, location_index& index) {
  std::vector<std::string> blobs;
  for (int i = 0; i < 100; ++i) blobs.push_back("the content of document " + std::to_string(i));
  std::vector<asio::const_buffer> buffers;
  for (const std::string& blob : blobs) buffers.push_back(asio::buffer(blob));

  // One write, one sync, one transaction.
  const std::vector<conduit::data_location> locations = co_await db.put_many(buffers);
  std::vector<location_index::entry> entries;
  for (std::size_t i = 0; i < locations.size(); ++i)
    entries.emplace_back("document/" + std::to_string(i), locations[i]);
  index.insert(entries);

  const std::optional<conduit::data_location> found = index.find("document/42");
  if (!found) throw std::runtime_error("document/42 is not in the index");
  const conduit::blob back = co_await db.get(*found);
  std::cout << "document/42 at " << found->to_string() << ": " << back.text() << '\n';
  if (back.text() != blobs[42] || index.find("document/100"))
    throw std::runtime_error("the index or the store is wrong");
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 2) throw std::runtime_error("usage: example_locations_in_lmdb SCRATCH_DIR");
  const std::filesystem::path scratch = argv[1];
  conduit::options how(scratch / "blobs");
  how.durability = conduit::durability::fdatasync;
  location_index index(scratch / "index.lmdb");
  asio::io_context context;
  auto done = asio::co_spawn(
      context, store_and_find(conduit::flat_file_db::open(context, how), index), asio::use_future);
  context.run();
  done.get();
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
