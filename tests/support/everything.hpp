// All calls of a store at once, left pending.
#pragma once

#include <asio/buffer.hpp>
#include <conduit/flat_file_db.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "support/bytes.hpp"
#include "support/outcome.hpp"

namespace conduit::test {

// More than goes inline: the write is carried by the ring or by a thread.
inline constexpr std::size_t large_bytes = 8U << 20;

// One of each call, with handlers that must be destroyed and not run.
struct everything {
  std::string bytes = bytes_of(1, 1000);
  std::string large = bytes_of(2, large_bytes);
  std::string into = std::string(1000, '\0');
  outcome<data_location> put;
  outcome<data_location> large_put;
  outcome<std::vector<data_location>> put_many;
  outcome<blob> get;
  outcome<blob> get_slice;
  outcome<std::size_t> get_into;
  outcome<> sync;
  outcome<std::uint32_t> roll;
  outcome<> delete_file;
  outcome<std::size_t> delete_before;
  outcome<std::vector<file_info>> files;
  outcome<verify_report> verify;
  outcome<> close;

  void start(const flat_file_db& db, const data_location& known) {
    db.put(asio::buffer(bytes), put.handler());
    db.get(known, get.handler());
    db.get_slice(known, {1, 2}, get_slice.handler());
    db.get_into(known, slice{}, asio::buffer(into), get_into.handler());
    db.put(asio::buffer(large), large_put.handler());
    db.put_many({asio::buffer(bytes), asio::buffer(bytes)}, put_many.handler());
    db.sync(sync.handler());
    db.roll(0, roll.handler());
    db.delete_file(known.file_number + 1000, delete_file.handler());
    db.delete_before(known.file_number, delete_before.handler());
    db.files(files.handler());
    db.verify(known.file_number, verify.handler());
    db.close(close.handler());
  }

  std::size_t pending() const {
    return put.pending() + large_put.pending() + put_many.pending() + get.pending() +
           get_slice.pending() + get_into.pending() + sync.pending() + roll.pending() +
           delete_file.pending() + delete_before.pending() + files.pending() + verify.pending() +
           close.pending();
  }
  std::size_t calls() const {
    return put.calls + large_put.calls + put_many.calls + get.calls + get_slice.calls +
           get_into.calls + sync.calls + roll.calls + delete_file.calls + delete_before.calls +
           files.calls + verify.calls + close.calls;
  }
};

inline constexpr std::size_t calls_of_everything = 13;

}  // namespace conduit::test
