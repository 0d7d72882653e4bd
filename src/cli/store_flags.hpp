// The options that commands have in common, and the opening of the store that they describe.
#pragma once

#include <CLI/App.hpp>
#include <asio/io_context.hpp>
#include <conduit/flat_file_db.hpp>
#include <conduit/options.hpp>
#include <cstdint>
#include <string>

namespace conduit::cli {

enum class missing_directory { create, refuse };

class store_flags {
 public:
  // --store, --lock and --backend.
  void add_to(CLI::App& command, bool store_required = true);
  // Also the options of every writing command: --max-file-size, --level, --frame-size, --threads.
  void add_writer_to(CLI::App& command, unsigned default_threads = 1);
  // --compression and --durable, for commands that store blobs. Call after add_writer_to.
  void add_put_to(CLI::App& command);
  // The command compresses whatever the form of new files: --level and --frame-size apply to it.
  void set_compressing() noexcept { compressing_ = true; }

  const std::string& directory() const noexcept { return directory_; }
  // As given, or the default that the store uses.
  std::string lock_path() const;
  unsigned threads() const noexcept { return threads_; }
  conduit::backend backend() const;

  // --compression zstd-on-seal: the command ends only when its sealed files are compressed.
  bool compresses_sealed_files() const;

  // The store's options, from the flags. Throws `failure` (usage) if flags contradict each other.
  options reading() const;
  options writing() const;

  // Throws `failure` if the store cannot be opened.
  flat_file_db open_reading(asio::io_context& context) const;
  // The same for a pass over the store: what it reads is not worth the page cache.
  flat_file_db open_reading_once(asio::io_context& context) const;
  flat_file_db open_writing(asio::io_context& context, missing_directory how) const;

 private:
  std::string directory_;
  std::string lock_;
  std::string backend_ = "automatic";
  std::string compression_;  // empty: like the mutable file
  std::uint64_t max_file_size_ = options().max_file_size;
  int level_ = 3;
  std::uint64_t frame_size_ = 64U << 10;
  CLI::Option* level_option_ = nullptr;
  CLI::Option* frame_size_option_ = nullptr;
  unsigned threads_ = 1;
  bool allow_network_ = false;
  bool durable_ = false;
  bool compressing_ = false;
};

// The path of a store, made absolute and without a trailing slash: its default lock file is this
// path with ".lock" appended.
std::string absolute_store_path(const std::string& directory);

// A size in bytes with an optional suffix K, M or G; never 0.
CLI::Option* add_size(CLI::App& command, const std::string& name, std::uint64_t& value,
                      const std::string& description);

// Throws `failure`: nothing is wrong with the command line, but the store cannot be opened.
flat_file_db open_store(asio::io_context& context, const options& how);

}  // namespace conduit::cli
