// The store: the one class a program needs. Every asynchronous call takes any Asio completion
// token, `asio::use_awaitable` where none is given, so `co_await db.put(bytes)` works as it stands.
#pragma once

#include <asio/async_result.hpp>
#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>
#include <asio/use_awaitable.hpp>
#include <conduit/blob.hpp>
#include <conduit/data_location.hpp>
#include <conduit/detail/asio_build.hpp>
#include <conduit/detail/inline_get.hpp>
#include <conduit/detail/op.hpp>
#include <conduit/detail/store_handle.hpp>
#include <conduit/error.hpp>
#include <conduit/options.hpp>
#include <conduit/reports.hpp>
#include <conduit/slice.hpp>
#include <memory>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

namespace conduit {

// A copyable handle to an open store and to one io_context of it.
//
// Threads: every call may be made from any thread, and copies of a handle may be used at the same
// time. Reads go through the handle's own context, which must be running. Appends and maintenance
// (put, put_many, sync, roll, delete_file, delete_before, recover_file, close) are carried out, in
// the order of the calls, by the context given to `open`: it must be running too, and must be
// destroyed last. A handler runs on its associated executor, by default the handle's context, and
// never inside the call itself. A coroutine with `use_awaitable` may go on without having been
// suspended.
//
// Memory: what a buffer given to a call points to belongs to the operation until its handler runs.
// An operation's own memory comes from the handler's associated allocator.
//
// Lifetime: when the last handle is destroyed, puts and maintenance that are still queued end with
// `asio::error::operation_aborted`; what was started ends as usual. Operations do not count as
// handles. When a context is destroyed the handlers of its pending operations are destroyed without
// being called, after the kernel has let go of their buffers. An open store does not keep `run`
// from returning.
//
// Cancellation: all of Asio's types. A get ends with `asio::error::operation_aborted` once the
// kernel has let go of the buffer, or as usual where the bytes came first. A put or maintenance
// that is still queued, or waits for another process to release the lock, is not carried out and
// ends the same way; one that was begun completes as if it had not been cancelled. So a put that
// lost a race against a timer may have been stored.
//
// Errors: the codes of error.hpp, and errno values of the operating system; as the handler's first
// argument, or thrown as std::system_error out of `co_await` and futures. After `close` everything
// fails with `errc::closed`, in a forked child everything with `errc::forked`. docs/errors.md lists
// when and what to do.
//
// Tokens: the default is what `Executor` names as its `default_completion_token_type`, else
// `use_awaitable`. `flat_file_db`, below, suits coroutines of type `asio::awaitable<T>`. For those
// whose awaitables have another executor, `as_default_on` makes a handle with their default:
//   auto typed = asio::use_awaitable_t<asio::io_context::executor_type>::as_default_on(db);
template <typename Executor>
class basic_flat_file_db {
 public:
  using executor_type = Executor;
  template <typename Other>
  struct rebind_executor {
    using other = basic_flat_file_db<Other>;
  };
  using default_token = typename detail::default_token<Executor>::type;

  // Opens the store, creating its directory (not the parents) and its lock file where
  // `options::create` allows; `context` becomes its home. Changes no existing file. Blocks on the
  // file system: for start-up. Throws std::system_error: `bad_options`, also for a context that was
  // made without locks (ASIO_CONCURRENCY_HINT_UNSAFE), `unsupported_compression`,
  // `unsupported_file_system`, `not_a_regular_file` of the lock file, `locked` where another
  // process keeps the lock of a store that is still being made, `hidden_asio`, or what the
  // operating system says of directory, lock, and io_uring where that was asked for: ENOENT also of
  // a store that is still being made, where this one makes nothing.
  static basic_flat_file_db open(asio::io_context& context, const options& how) {
    return basic_flat_file_db(detail::open_handle(context, how, detail::shares_asio()));
  }
  // The same with the error in `error`; the handle is then empty and may only be assigned to or
  // destroyed.
  static basic_flat_file_db open(asio::io_context& context, const options& how,
                                 std::error_code& error) {
    return basic_flat_file_db(detail::open_handle(context, how, detail::shares_asio(), error));
  }

  // The same store for coroutines that run on another context: reads go through that context's own
  // ring or threads. Throws std::system_error where io_uring was asked for and that context can
  // have no ring, where it was made without locks (`bad_options`), and in a forked child.
  basic_flat_file_db bind(asio::io_context& context) const {
    return basic_flat_file_db(detail::bind_handle(handle_, context));
  }

  // The executor of the handle's context.
  executor_type get_executor() const noexcept {
    return executor_type(detail::context_of(*handle_.where).get_executor());
  }
  // False for an empty handle: nothing else may be called on one. A store that was closed still
  // counts as open here.
  bool is_open() const noexcept { return handle_.where != nullptr; }

  // Appends one blob, which may be empty: a buffer, or any ConstBufferSequence, its parts back to
  // back, for example a header and a body. The list of parts is copied, the bytes are not.
  // Signature: void(std::error_code, data_location), checksum included, once the blob is stored as
  // `options::durability` says. The checksum is computed by the calling thread, inside the call.
  // Waits for room where `options::pending_put_bytes` are queued, and for the lock where another
  // process has it. ENOSPC, EDQUOT and EFBIG leave the store as it was; after any other failed
  // write or sync the next put begins a new file. `read_only` in a read-only store.
  template <typename Buffers = asio::const_buffer, typename Token = default_token>
    requires detail::blob_source<Buffers>
  auto put(const Buffers& bytes, Token&& token = Token{}) const {
    return append(bytes, true, token);
  }

  // The same, but never waits for room: `busy` at once where there is none. It may still wait for
  // the lock; a deadline for that, as for every call, is a cancellation (`asio::cancel_after` where
  // Asio has it): what is cancelled while it waits is not stored.
  template <typename Buffers = asio::const_buffer, typename Token = default_token>
    requires detail::blob_source<Buffers>
  auto try_put(const Buffers& bytes, Token&& token = Token{}) const {
    return append(bytes, false, token);
  }

  // Appends all blobs in order, in one file: all locations, or an error and none of them. A blob is
  // what `put` takes. The list is copied, the bytes are not. Signature: void(std::error_code,
  // std::vector<data_location>). An empty list gives an empty vector. Throws std::bad_alloc, and
  // begins nothing, where there is no memory for a copy of the list. Otherwise as `put`.
  template <typename Blobs = std::vector<asio::const_buffer>, typename Token = default_token>
    requires detail::blob_range<Blobs>
  auto put_many(const Blobs& blobs, Token&& token = Token{}) const {
    detail::blob_list all;
    for (const auto& blob : blobs) {
      if constexpr (std::is_convertible_v<decltype(blob), asio::const_buffer>) {
        all.add(asio::const_buffer(blob));
      } else {
        all.add(blob);
      }
    }
    return initiate<detail::put_many_call, std::vector<data_location>>(token, std::move(all));
  }

  // The whole blob. Signature: void(std::error_code, blob). `corrupt` where the location carries a
  // checksum that the bytes do not have, unless `options::verify_checksums` is off; otherwise as
  // `get_slice`.
  template <typename Token = default_token>
  auto get(data_location location, Token&& token = Token{}) const {
    return get_slice(location, slice{}, std::forward<Token>(token));
  }

  // Bytes [start, end) of the blob. Signature: void(std::error_code, blob). Never short data:
  // `out_of_range` where the slice reaches past the blob or the location past its file,
  // `no_such_file` where the data file is gone, `not_a_regular_file` where something else stands in
  // its place. Takes no lock, so it never waits for a writer, with one exception: a location in the
  // mutable compressed file that this store has not met yet, put by another process. The bytes of a
  // part have no checksum of the location's to compare; of a compressed file every frame that is
  // read has its own (but for a large one that is left before its end), and where it differs:
  // `corrupt`, and an event.
  template <typename Token = default_token>
  auto get_slice(data_location location, slice part, Token&& token = Token{}) const {
    if constexpr (detail::is_awaiting<Token>) {
      if (!detail::may_read_inline(*handle_.where))
        return initiate<detail::get_call, blob>(token, location, part);
      return detail::inline_get<std::remove_cvref_t<Token>>(handle_.where, location, part, token);
    } else {
      return initiate<detail::get_call, blob>(token, location, part);
    }
  }

  // The same into the caller's memory, which must hold the slice (`out_of_range` otherwise) and
  // belongs to the operation until its handler runs. Signature: void(std::error_code, std::size_t):
  // the bytes read, always the slice's length; after an error the memory may have been written to.
  template <typename Token = default_token>
  auto get_into(data_location location, slice part, asio::mutable_buffer to,
                Token&& token = Token{}) const {
    if constexpr (detail::is_awaiting<Token>) {
      if (!detail::may_read_inline(*handle_.where))
        return initiate<detail::get_into_call, std::size_t>(token, location, part, to);
      return detail::inline_get_into<std::remove_cvref_t<Token>>(handle_.where, location, part, to,
                                                                 token);
    } else {
      return initiate<detail::get_into_call, std::size_t>(token, location, part, to);
    }
  }
  // The whole blob into the caller's memory.
  template <typename Token = default_token>
    requires(!std::is_convertible_v<Token, asio::mutable_buffer>)
  auto get_into(data_location location, asio::mutable_buffer to, Token&& token = Token{}) const {
    return get_into(location, slice{}, to, std::forward<Token>(token));
  }

  // All puts acknowledged so far through this store, by whichever of its handles, are durable:
  // every file written since the last sync, and the directory. Signature: void(std::error_code).
  // The error of the sync that failed, and `poisoned` ever after. Does nothing in a read-only
  // store.
  template <typename Token = default_token>
  auto sync(Token&& token = Token{}) const {
    return initiate<detail::plain_call<detail::queued_op::kind::sync>>(token);
  }

  // Seals the mutable file and begins the next, numbered at least `at_least` (to skip numbers that
  // an index may still name after a backup was restored). Signature: void(std::error_code,
  // std::uint32_t): the new number.
  template <typename Token = default_token>
  auto roll(std::uint32_t at_least, Token&& token = Token{}) const {
    return initiate<detail::plain_call<detail::queued_op::kind::roll>, std::uint32_t>(token,
                                                                                      at_least);
  }
  // The same with the next number.
  template <typename Token = default_token>
    requires(!std::is_convertible_v<Token, std::uint32_t>)
  auto roll(Token&& token = Token{}) const {
    return roll(0, std::forward<Token>(token));
  }

  // Removes a sealed file with all its blobs, durably; running reads finish. Signature:
  // void(std::error_code). `mutable_file` for the mutable one, `no_such_file` where there is none,
  // `not_a_regular_file` where something else has its name.
  template <typename Token = default_token>
  auto delete_file(std::uint32_t number, Token&& token = Token{}) const {
    return initiate<detail::plain_call<detail::queued_op::kind::remove>>(token, number);
  }

  // Removes every sealed file with a lower number: the rolling window. Signature:
  // void(std::error_code, std::size_t): how many were removed, with an error too, at which it
  // stops; what is no regular file is passed over.
  template <typename Token = default_token>
  auto delete_before(std::uint32_t number, Token&& token = Token{}) const {
    return initiate<detail::plain_call<detail::queued_op::kind::remove_before>, std::size_t>(
        token, number);
  }

  // Replaces a sealed plain file by its compressed form, of `options::level` and
  // `options::frame_bytes`, with the same owner and mode. Locations stay true at every moment, in
  // every process, and reads under way finish. Signature: void(std::error_code, file_compression):
  // what came of it; for a file that is compressed already, its sizes. Runs on the store's thread
  // for compression, at the lowest priority, one file after the other, and for a short while under
  // the lock. Fails, and the plain file stays: `mutable_file`, `no_such_file`,
  // `not_a_regular_file`, `read_only`; `corrupt` where both forms stand there and differ;
  // `poisoned` where a sync of this file or a higher one failed since the machine started;
  // std::errc::device_or_resource_busy where another process has been at it for a minute,
  // text_file_busy where somebody appends to it, timed_out where the lock was not to be had,
  // operation_not_permitted where another user's file would get another owner; or what the system
  // says, ENOSPC for example. Cancelled, it ends with `asio::error::operation_aborted` after the
  // frame it is at. Not for a store that originals are using, see docs/interoperability.md.
  template <typename Token = default_token>
  auto compress_file(std::uint32_t number, Token&& token = Token{}) const {
    return initiate<detail::compress_call, file_compression>(token, number);
  }

  // Every data file in order of its number, as the directory shows them now, without the lock:
  // another process may be changing it. What is no regular file is left out, and reported as an
  // event. Signature: void(std::error_code, std::vector<file_info>). Cannot be cancelled; runs on a
  // thread for surveys.
  template <typename Token = default_token>
  auto files(Token&& token = Token{}) const {
    return initiate<detail::files_call, std::vector<file_info>>(token);
  }

  // Reads one data file to its end and checks what its form allows: of a plain file that all of it
  // can be read (blobs are checked by `get`, their locations are not in the file); of a compressed
  // one that every frame decodes to what its table says, with its checksum. A compressed file
  // without such a table has a fault as well. Signature: void(std::error_code, verify_report).
  // Faults are in the report; an error is that the file could not be opened. Runs on a thread for
  // surveys; cancelled, it ends with `asio::error::operation_aborted` before the next mebibyte.
  template <typename Token = default_token>
  auto verify(std::uint32_t number, Token&& token = Token{}) const {
    return initiate<detail::verify_call, verify_report>(token, number);
  }

  // Says what `recover_file` would do, and changes nothing; also of a read-only store. Signature:
  // void(std::error_code, recovery_report). Without the lock: while somebody appends, the mutable
  // file may look torn. Runs on a thread for surveys; cannot be cancelled.
  template <typename Token = default_token>
  auto examine_file(std::uint32_t number, Token&& token = Token{}) const {
    return initiate<detail::examine_call, recovery_report>(token, number);
  }

  // Mends a compressed file in place whose end was torn off: cuts it behind its last whole frame
  // and writes the table of all frames, durably. Puts mend what is provably torn by themselves;
  // this is for what they leave alone, and for a person to ask for. The file is never appended to
  // again. A damaged file is left as it is, and plain files have nothing to mend. Signature:
  // void(std::error_code, recovery_report). `no_such_file`, `not_a_regular_file`,
  // std::errc::too_many_links where it has a second hard link, perhaps of a backup.
  template <typename Token = default_token>
  auto recover_file(std::uint32_t number, Token&& token = Token{}) const {
    return initiate<detail::plain_call<detail::queued_op::kind::recover>, recovery_report>(token,
                                                                                           number);
  }

  // Refuses new work at once, on all handles, and completes when all puts and maintenance accepted
  // before have ended. This store does not hold the lock then. Signature: void(std::error_code).
  // Reads and surveys under way end as usual; it does not wait for them, nor does it sync.
  template <typename Token = default_token>
  auto close(Token&& token = Token{}) const {
    return initiate<detail::plain_call<detail::queued_op::kind::close>>(token);
  }

  // What this store has compressed since `open`: blobs put into a compressed file, and sealed
  // files.
  compression_report compression() const { return detail::compression_of(*handle_.where); }

  // Counters since `open`, and the backend of this handle's context.
  store_stats stats() const { return detail::stats_of(*handle_.where); }

  // An empty handle, to be assigned to.
  basic_flat_file_db() = default;
  // The same store and context, with another default token.
  template <typename Other>
    requires(!std::is_same_v<Other, Executor>)
  explicit(false) basic_flat_file_db(basic_flat_file_db<Other> other)
      : handle_(std::move(other.handle_)) {}

 private:
  template <typename Other>
  friend class basic_flat_file_db;

  explicit basic_flat_file_db(detail::store_handle handle) : handle_(std::move(handle)) {}

  template <typename Buffers, typename Token>
  auto append(const Buffers& bytes, bool waits_for_room, Token& token) const {
    if constexpr (std::is_convertible_v<const Buffers&, asio::const_buffer>) {
      return initiate<detail::put_call, data_location>(token, asio::const_buffer(bytes),
                                                       waits_for_room);
    } else {
      return initiate<detail::put_parts_call, data_location>(token, detail::blob_list::of(bytes),
                                                             waits_for_room);
    }
  }

  template <typename Call, typename... Results, typename Token, typename... Arguments>
  auto initiate(Token& token, Arguments&&... arguments) const {
    return asio::async_initiate<Token, void(std::error_code, Results...)>(
        detail::initiation<Call>(handle_.where), token, std::forward<Arguments>(arguments)...);
  }

  detail::store_handle handle_;
};

using flat_file_db = basic_flat_file_db<asio::io_context::executor_type>;

}  // namespace conduit
