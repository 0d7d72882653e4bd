#include "cli/store_flags.hpp"

#include <CLI/Option.hpp>
#include <CLI/Validators.hpp>
#include <conduit/event.hpp>
#include <filesystem>
#include <fmt/format.h>
#include <map>

#include "cli/console.hpp"
#include "cli/exit_status.hpp"
#include "cli/words.hpp"

namespace conduit::cli {
namespace {

// `ffdb doctor` and `ffdb ls` show the chosen backend and new files; everything else is news.
void tell(const event& news) {
  const bool visible_otherwise = news.what == event::kind::backend_chosen ||
                                 news.what == event::kind::file_begun ||
                                 news.what == event::kind::file_compressed;
  if (visible_otherwise) return;
  say(news.error ? fmt::format("{} ({})", news.message, news.error.message()) : news.message);
}

}  // namespace

std::string absolute_store_path(const std::string& directory) {
  const std::filesystem::path path = std::filesystem::absolute(directory).lexically_normal();
  return path.has_filename() ? path.native() : path.parent_path().native();
}

CLI::Option* add_size(CLI::App& command, const std::string& name, std::uint64_t& value,
                      const std::string& description) {
  const std::map<std::string, std::uint64_t> units{
      {"k", 1ULL << 10}, {"m", 1ULL << 20}, {"g", 1ULL << 30}};
  return command.add_option(name, value, description)
      ->transform(CLI::AsNumberWithUnit(units, CLI::AsNumberWithUnit::DEFAULT, "K|M|G"))
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
}

void store_flags::add_to(CLI::App& command, bool store_required) {
  command.add_option("--store", directory_, "the directory that holds the data files")
      ->required(store_required);
  command.add_option("--lock", lock_,
                     "the lock file; default: the store's absolute path with \".lock\" appended");
  command.add_option("--backend", backend_, "how the disk is reached")
      ->check(CLI::IsMember(backend_words()))
      ->capture_default_str();
  command.add_flag("--allow-network", allow_network_,
                   "open a store on a file system that is not known to be local");
}

void store_flags::add_writer_to(CLI::App& command, unsigned default_threads) {
  threads_ = default_threads;
  add_to(command);
  add_size(command, "--max-file-size", max_file_size_,
           "plain bytes at which a data file is sealed");
  level_option_ = command.add_option("--level", level_, "zstd's level, of a compressed form")
                      ->check(CLI::Range(1, 22))
                      ->capture_default_str();
  frame_size_option_ = add_size(command, "--frame-size", frame_size_,
                                "plain bytes of a frame, of a compressed form");
  command
      .add_option("--threads", threads_,
                  "threads to work with, where a command has work for several")
      ->check(CLI::Range(1U, 1024U))
      ->capture_default_str();
}

void store_flags::add_put_to(CLI::App& command) {
  command
      .add_option("--compression", compression_,
                  "the form of new data files; default: as the store's last one")
      ->check(CLI::IsMember(compression_words()));
  command.add_flag("--durable", durable_,
                   "acknowledge a blob only when it would survive a power loss");
}

backend store_flags::backend() const { return parse_backend(backend_); }

std::string store_flags::lock_path() const {
  return lock_.empty() ? absolute_store_path(directory_) + ".lock" : lock_;
}

bool store_flags::compresses_sealed_files() const {
  return parse_compression(compression_) == compression::zstd_on_seal;
}

options store_flags::reading() const {
  options how(directory_);
  how.lock_path = lock_;
  how.backend = backend();
  how.allow_network = allow_network_;
  how.read_only = true;
  how.create = false;
  how.on_event = tell;
  return how;
}

options store_flags::writing() const {
  options how = reading();
  how.read_only = false;
  how.create = true;
  how.max_file_size = max_file_size_;
  how.compression = parse_compression(compression_);
  how.durability = durable_ ? durability::fdatasync : durability::none;
  how.level = level_;
  how.frame_bytes = frame_size_;
  const bool compressed = compressing_ || how.compression == compression::zstd ||
                          how.compression == compression::zstd_on_seal;
  for (const CLI::Option* option : {level_option_, frame_size_option_}) {
    if (option != nullptr && option->count() > 0 && !compressed) {
      throw failure(
          exit_status::usage,
          fmt::format(
              "{} is for a compressed form: add --compression zstd or --compression zstd-on-seal",
              option->get_name()));
    }
  }
  return how;
}

flat_file_db open_store(asio::io_context& context, const options& how) {
  try {
    return flat_file_db::open(context, how);
  } catch (const std::system_error& error) {
    // A store that cannot be opened is a failure whatever the cause; "no such data file" refers to
    // a file in it.
    const exit_status status = status_of(error.code()) == exit_status::corrupt
                                   ? exit_status::corrupt
                                   : exit_status::failed;
    throw failure(status, fmt::format("cannot open the store '{}': {}", how.data_directory.native(),
                                      error.what()));
  }
}

flat_file_db store_flags::open_reading(asio::io_context& context) const {
  return open_store(context, reading());
}

flat_file_db store_flags::open_reading_once(asio::io_context& context) const {
  options chosen = reading();
  chosen.read_once = true;
  return open_store(context, chosen);
}

flat_file_db store_flags::open_writing(asio::io_context& context, missing_directory how) const {
  const options chosen = writing();
  // Not `options::create`: an existing store without its lock file, a restored backup for example,
  // is a store.
  if (how == missing_directory::refuse) {
    std::error_code error;
    const bool found = std::filesystem::is_directory(directory_, error);
    if (!error && !found) error = std::make_error_code(std::errc::not_a_directory);
    if (error) throw failure(fmt::format("cannot open the store '{}'", directory_), error);
  }
  return open_store(context, chosen);
}

}  // namespace conduit::cli
