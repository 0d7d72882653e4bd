// The store: the one class a program needs. Every asynchronous call takes any Asio completion token, `asio::use_awaitable` where none
// is given, so `co_await db.put(bytes)` works as it stands.
#pragma once

#include <asio/async_result.hpp>
#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>
#include <asio/use_awaitable.hpp>
#include <conduit/blob.hpp>
#include <conduit/data_location.hpp>
#include <conduit/detail/inline_get.hpp>
#include <conduit/detail/op.hpp>
#include <conduit/error.hpp>
#include <conduit/options.hpp>
#include <conduit/reports.hpp>
#include <conduit/slice.hpp>
#include <memory>
#include <system_error>
#include <vector>

namespace conduit {

// A copyable handle to an open store and to one io_context of it.
//
// Threads: every call may be made from any thread, and copies of a handle may be used at the same time. Reads go through the handle's
// own context; appends and maintenance are carried out by the context given to `open`, which must be running for them to end and must
// be destroyed last. A handler runs on its associated executor, by default the handle's context, and never inside the call itself.
//
// Memory: a buffer given to a call belongs to the operation until its handler runs.
//
// Lifetime: when the last handle is destroyed, puts and maintenance that are still queued end with `asio::error::operation_aborted`; what
// was started ends as usual.
//
// Cancellation: all of Asio's types. A get ends with `asio::error::operation_aborted` once the kernel has let go of the buffer. A put
// that is still queued is not written and ends the same way; one that is being written completes as if it had not been cancelled.
//
// Errors: the codes of error.hpp and of the system category. After `close` everything fails with `errc::closed`.
class flat_file_db {
 public:
  using executor_type = asio::io_context::executor_type;

  // Opens the store, creating it where `options::create` allows. Blocks on the file system: for start-up. Throws std::system_error:
  // `bad_options`, `unsupported_compression`, `unsupported_file_system`, or what the operating system says of directory and lock.
  static flat_file_db open(asio::io_context& context, const options& how);
  // The same with the error in `error`; the handle is then empty and may only be assigned to or destroyed.
  static flat_file_db open(asio::io_context& context, const options& how, std::error_code& error);

  // The same store for coroutines that run on another context. Throws std::system_error where that context can have no backend.
  flat_file_db bind(asio::io_context& context) const;

  executor_type get_executor() const noexcept { return detail::context_of(*binding_).get_executor(); }
  bool is_open() const noexcept { return binding_ != nullptr; }

  // Appends one blob. Completes with its location, checksum included, once it is stored as `options::durability` says. ENOSPC and its
  // kin leave the store as it was; after any other failed write the next put begins a new file.
  template <typename Token = asio::use_awaitable_t<>>
  auto put(asio::const_buffer bytes, Token&& token = Token{}) const {
    return initiate<detail::put_call, data_location>(token, bytes);
  }

  // Appends all blobs in order, in one file: all locations, or an error and none of them. The list is copied, the bytes are not.
  template <typename Token = asio::use_awaitable_t<>>
  auto put_many(std::vector<asio::const_buffer> blobs, Token&& token = Token{}) const {
    return initiate<detail::put_many_call, std::vector<data_location>>(token, std::move(blobs));
  }

  // The whole blob. `corrupt` where the location names a checksum that the bytes do not have.
  template <typename Token = asio::use_awaitable_t<>>
  auto get(data_location location, Token&& token = Token{}) const {
    return get_slice(location, slice{}, std::forward<Token>(token));
  }

  // Bytes [start, end) of the blob, `end` 0 for the blob's end. `out_of_range` where the slice or the location reaches too far,
  // `no_such_file` where the data file is gone. Never short data.
  template <typename Token = asio::use_awaitable_t<>>
  auto get_slice(data_location location, slice part, Token&& token = Token{}) const {
    if constexpr (detail::is_use_awaitable<Token>) {
      return detail::inline_get<std::remove_cvref_t<Token>>(binding_, location, part);
    } else {
      return initiate<detail::get_call, blob>(token, location, part);
    }
  }

  // The same into the caller's memory, which must hold the slice (`out_of_range` otherwise). Completes with the bytes read: the slice's
  // length.
  template <typename Token = asio::use_awaitable_t<>>
  auto get_into(data_location location, slice part, asio::mutable_buffer to, Token&& token = Token{}) const {
    if constexpr (detail::is_use_awaitable<Token>) {
      return detail::inline_get_into<std::remove_cvref_t<Token>>(binding_, location, part, to);
    } else {
      return initiate<detail::get_into_call, std::size_t>(token, location, part, to);
    }
  }

  // All puts acknowledged so far, by this process, are durable. `poisoned` for ever after a sync that failed.
  template <typename Token = asio::use_awaitable_t<>>
  auto sync(Token&& token = Token{}) const {
    return initiate<detail::plain_call<detail::queued_op::kind::sync>>(token);
  }

  // Seals the mutable file and begins the next, numbered at least `at_least`. Completes with the new number.
  template <typename Token = asio::use_awaitable_t<>>
  auto roll(std::uint32_t at_least = 0, Token&& token = Token{}) const {
    return initiate<detail::plain_call<detail::queued_op::kind::roll>, std::uint32_t>(token, at_least);
  }

  // Removes a sealed file; running reads finish. `mutable_file` for the mutable one, `no_such_file` where there is none.
  template <typename Token = asio::use_awaitable_t<>>
  auto delete_file(std::uint32_t number, Token&& token = Token{}) const {
    return initiate<detail::plain_call<detail::queued_op::kind::remove>>(token, number);
  }

  // Removes every sealed file with a lower number: the rolling window. Completes with how many were removed.
  template <typename Token = asio::use_awaitable_t<>>
  auto delete_before(std::uint32_t number, Token&& token = Token{}) const {
    return initiate<detail::plain_call<detail::queued_op::kind::remove_before>, std::size_t>(token, number);
  }

  // Every data file in order of its number, as the directory shows them now.
  template <typename Token = asio::use_awaitable_t<>>
  auto files(Token&& token = Token{}) const {
    return initiate<detail::files_call, std::vector<file_info>>(token);
  }

  // Reads one data file to its end and checks what its form allows: of a plain file that all of it can be read.
  template <typename Token = asio::use_awaitable_t<>>
  auto verify(std::uint32_t number, Token&& token = Token{}) const {
    return initiate<detail::verify_call, verify_report>(token, number);
  }

  // Refuses new work at once and completes when all that was accepted has ended. The lock is free then.
  template <typename Token = asio::use_awaitable_t<>>
  auto close(Token&& token = Token{}) const {
    return initiate<detail::plain_call<detail::queued_op::kind::close>>(token);
  }

  store_stats stats() const;

  flat_file_db() = default;

 private:
  flat_file_db(std::shared_ptr<detail::binding> binding, std::shared_ptr<void> life)
      : binding_(std::move(binding)), life_(std::move(life)) {}

  template <typename Call, typename... Results, typename Token, typename... Arguments>
  auto initiate(Token& token, Arguments&&... arguments) const {
    return asio::async_initiate<Token, void(std::error_code, Results...)>(detail::initiation<Call>(binding_), token,
                                                                          std::forward<Arguments>(arguments)...);
  }

  std::shared_ptr<detail::binding> binding_;
  std::shared_ptr<void> life_;  // shared by all handles and by no operation: its end is the end of the last handle
};

}  // namespace conduit
