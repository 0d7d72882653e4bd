// The store: the one class a program needs. Every asynchronous call takes any Asio completion
// token; the default is `asio::use_awaitable`, so `co_await db.put(bytes)` works as it stands.
#pragma once

#include <asio/async_result.hpp>
#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>
#include <asio/use_awaitable.hpp>
#include <conduit/blob.hpp>
#include <conduit/blob_reader.hpp>
#include <conduit/data_location.hpp>
#include <conduit/detail/asio_build.hpp>
#include <conduit/detail/inline_get.hpp>
#include <conduit/detail/many_op.hpp>
#include <conduit/detail/op.hpp>
#include <conduit/detail/store_handle.hpp>
#include <conduit/error.hpp>
#include <conduit/get_many.hpp>
#include <conduit/options.hpp>
#include <conduit/pinned_slice.hpp>
#include <conduit/reports.hpp>
#include <conduit/slice.hpp>
#include <memory>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

namespace conduit {

// A copyable handle to an open store, bound to one io_context.
//
// Threads: every call may be made from any thread, and copies of a handle may be used at the same
// time. Reads use the handle's own context, which must be running. The context given to `open`
// carries out appends and maintenance (put, put_many, sync, roll, delete_file, delete_before,
// recover_file, close) in the order of the calls: it must be running too, and must be destroyed
// last. A handler runs on its associated executor, by default the handle's context, and never
// inside the call itself. A coroutine with `use_awaitable` may continue without having been
// suspended.
//
// Memory: the memory behind a buffer given to a call belongs to the operation until its handler
// runs. An operation's own memory comes from the handler's associated allocator.
//
// Lifetime: when the last handle is destroyed, puts and maintenance that are still queued end with
// `asio::error::operation_aborted`; operations that have begun end as usual. Operations do not
// count as handles. When a context is destroyed the handlers of its pending operations are
// destroyed without being called, after the kernel has released their buffers. An open store does
// not keep `run` from returning.
//
// Cancellation: all of Asio's types. A get ends with `asio::error::operation_aborted` once the
// kernel has released the buffer, or as usual if the bytes came first. A put or maintenance that is
// still queued, or waits for another process to release the lock, is not carried out and ends the
// same way; one that has begun completes as if it had not been cancelled. So a put that lost a race
// against a timer may have been stored.
//
// Errors: the codes of error.hpp, and errno values of the operating system; as the handler's first
// argument, or thrown as std::system_error out of `co_await` and futures. After `close` every call
// fails with `errc::closed`, in a forked child with `errc::forked`. docs/errors.md lists causes and
// remedies.
//
// Tokens: the default is `Executor`'s `default_completion_token_type` if it has one, else
// `use_awaitable`. `flat_file_db`, below, suits coroutines of type `asio::awaitable<T>`. For
// coroutines whose awaitables have another executor, `as_default_on` makes a handle with their
// default:
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

  // Opens the store; `context` becomes its home. Creates its directory (not the parents) and its
  // lock file if `options::create` allows. Changes no existing file. Blocks on the file system: for
  // start-up. Throws std::system_error: `bad_options`, also for a context that was made without
  // locks (ASIO_CONCURRENCY_HINT_UNSAFE); `unsupported_file_system`; `not_a_regular_file` for the
  // lock file; `locked` if another process keeps the lock of a store that is still being made;
  // `hidden_asio`; or the operating system's error for the directory, the lock, or io_uring if that
  // was requested. ENOENT is also the error for a store that is still being made, if this call
  // creates nothing.
  static basic_flat_file_db open(asio::io_context& context, const options& how) {
    return basic_flat_file_db(detail::open_handle(context, how, detail::shares_asio()));
  }
  // The same with the error in `error`; the handle is then empty and may only be assigned to or
  // destroyed.
  static basic_flat_file_db open(asio::io_context& context, const options& how,
                                 std::error_code& error) {
    return basic_flat_file_db(detail::open_handle(context, how, detail::shares_asio(), error));
  }

  // The same store for coroutines that run on another context: reads use that context's own ring or
  // threads. Throws std::system_error if io_uring was requested and that context can have no ring,
  // if it was made without locks (`bad_options`), and in a forked child.
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
  // `options::durability` says. The calling thread computes the checksum, inside the call. Waits
  // for room while `options::pending_put_bytes` are queued, and for the lock while another process
  // has it. ENOSPC, EDQUOT and EFBIG of a write leave the store as it was; after any other failed
  // write, and after any failed sync, the next put begins a new file. `read_only` in a read-only
  // store.
  template <typename Buffers = asio::const_buffer, typename Token = default_token>
    requires detail::blob_source<Buffers>
  auto put(const Buffers& bytes, Token&& token = Token{}) const {
    return append(bytes, true, token);
  }

  // The same, but never waits for room: `busy` at once if there is none. It may still wait for the
  // lock. For a deadline on that, as for every call, cancel it (`asio::cancel_after` if Asio has
  // it): a put that is cancelled while it waits is not stored.
  template <typename Buffers = asio::const_buffer, typename Token = default_token>
    requires detail::blob_source<Buffers>
  auto try_put(const Buffers& bytes, Token&& token = Token{}) const {
    return append(bytes, false, token);
  }

  // Appends all blobs in order, in one file: gives all locations, or an error and none of them.
  // Each blob has a type that `put` takes. The list is copied, the bytes are not. Signature:
  // void(std::error_code, std::vector<data_location>). An empty list gives an empty vector. Throws
  // std::bad_alloc, and begins nothing, if there is no memory for a copy of the list. Otherwise
  // like `put`.
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

  // Reads the whole blob. Signature: void(std::error_code, blob). `corrupt` if the location carries
  // a checksum and the bytes do not match it, unless `options::verify_checksums` is off; otherwise
  // like `get_slice`.
  template <typename Token = default_token>
  auto get(data_location location, Token&& token = Token{}) const {
    return get_slice(location, slice{}, std::forward<Token>(token));
  }

  // Reads bytes [start, end) of the blob. Signature: void(std::error_code, blob). Never gives short
  // data: `out_of_range` if the slice reaches past the blob or the location past its file,
  // `no_such_file` if the data file is gone, `not_a_regular_file` if something else stands in its
  // place. Takes no lock, so it never waits for a writer, with one exception: a location in the
  // mutable compressed file that another process put and this store has not seen yet. The
  // location's checksum does not cover a part of the blob. In a compressed file every frame that is
  // read is compared with its own checksum (except a large one that is left before its end); a
  // mismatch gives `corrupt`, and an event.
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

  // The same into the caller's memory, which must have room for the slice (`out_of_range`
  // otherwise) and belongs to the operation until its handler runs. Signature:
  // void(std::error_code, std::size_t): the count of bytes read, always the slice's length. After
  // an error the memory may have been written to. An address that is a multiple of 64 is best: see
  // `blob`.
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
  // Reads the whole blob into the caller's memory.
  template <typename Token = default_token>
    requires(!std::is_convertible_v<Token, asio::mutable_buffer>)
  auto get_into(data_location location, asio::mutable_buffer to, Token&& token = Token{}) const {
    return get_into(location, slice{}, to, std::forward<Token>(token));
  }

  // Does many reads at once; each request gets the result that `get_slice` would give, in the order
  // of the requests. Requests near each other in a file are read together, in runs of at most 256
  // KiB, and at most 32 such reads are under way at a time. Signature: void(std::error_code,
  // std::vector<read_result>): an error of the call itself, a cancellation for example, gives no
  // results. In the statistics each read counts once, however many requests it served.
  template <typename Token = default_token>
  auto get_many(std::vector<read_request> requests, const get_many_options& how,
                Token&& token = Token{}) const {
    return initiate<detail::many_call, std::vector<read_result>>(token, std::move(requests), how);
  }
  // The same with the usual options.
  template <typename Token = default_token>
    requires(!std::is_convertible_v<Token, get_many_options>)
  auto get_many(std::vector<read_request> requests, Token&& token = Token{}) const {
    return get_many(std::move(requests), get_many_options{}, std::forward<Token>(token));
  }

  // Gives the bytes [start, end) of the blob as a part of an open file, for `sendfile`. Signature:
  // void(std::error_code, pinned_slice). `wrong_form` if the data file is compressed; errors are
  // otherwise those of `get_slice`. Checks no checksum. The file is opened without O_DIRECT: with
  // `options::direct_io` pins and gets of one file, in turn, open it again each time.
  template <typename Token = default_token>
  auto pin(data_location location, slice part, Token&& token = Token{}) const {
    return initiate<detail::pin_call, pinned_slice>(token, location, part);
  }
  // The whole blob.
  template <typename Token = default_token>
    requires(!std::is_convertible_v<Token, slice>)
  auto pin(data_location location, Token&& token = Token{}) const {
    return pin(location, slice{}, std::forward<Token>(token));
  }

  // A stream of the bytes [start, end) of the blob, for blobs that are larger than memory, or on
  // the way to a socket. Opens nothing yet: the first read gives the errors of `get_slice`. Throws
  // std::bad_alloc.
  basic_blob_reader<Executor> open_reader(data_location location, slice part = {},
                                          const reader_options& how = {}) const {
    return {handle_.where, detail::make_stream(handle_.where, location, part, how)};
  }

  // Makes all puts durable that any handle of this store has acknowledged so far: every file
  // written since the last sync, and the directory. Signature: void(std::error_code). A failed sync
  // gives its error, and every later call gives `poisoned`. Does nothing in a read-only store.
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
  // void(std::error_code). `mutable_file` for the mutable file, `no_such_file` if there is none,
  // `not_a_regular_file` if something else has its name.
  template <typename Token = default_token>
  auto delete_file(std::uint32_t number, Token&& token = Token{}) const {
    return initiate<detail::plain_call<detail::queued_op::kind::remove>>(token, number);
  }

  // Removes every sealed file with a lower number: the rolling window. Signature:
  // void(std::error_code, std::size_t): the count of removed files, also with an error, at which it
  // stops. Skips entries that are no regular files.
  template <typename Token = default_token>
  auto delete_before(std::uint32_t number, Token&& token = Token{}) const {
    return initiate<detail::plain_call<detail::queued_op::kind::remove_before>, std::size_t>(
        token, number);
  }

  // Replaces a sealed plain file by its compressed form, with `options::level` and
  // `options::frame_bytes`, and with the same owner and mode. Locations stay true at every moment,
  // in every process, and running reads finish. Signature: void(std::error_code, file_compression):
  // the outcome; for a file that is already compressed, its sizes. Runs on the store's compressing
  // thread, at the lowest priority, one file after the other, and for a short while under the lock.
  // On an error the plain file stays: `mutable_file`, `no_such_file`, `not_a_regular_file`,
  // `read_only`; `corrupt` if both forms exist and differ; `poisoned` if a write or sync of this
  // file or a higher one failed; std::errc::device_or_resource_busy if another process has been
  // compressing it for a minute, text_file_busy if somebody appends to it,
  // timed_out if the lock could not be taken, operation_not_permitted if another user's file would
  // get another owner; or the system's error, for example ENOSPC. A cancelled call ends with
  // `asio::error::operation_aborted` after the current frame. Not for a store that originals are
  // using, see docs/interoperability.md.
  template <typename Token = default_token>
  auto compress_file(std::uint32_t number, Token&& token = Token{}) const {
    return initiate<detail::compress_call, file_compression>(token, number);
  }

  // Lists every data file in order of its number, as the directory shows them now, without the
  // lock: another process may be changing it. Entries that are no regular files are left out, and
  // reported as events. Signature: void(std::error_code, std::vector<file_info>). Cannot be
  // cancelled; runs on a thread for surveys.
  template <typename Token = default_token>
  auto files(Token&& token = Token{}) const {
    return initiate<detail::files_call, std::vector<file_info>>(token);
  }

  // Reads one data file to its end and checks what its form allows. Of a plain file: all of it can
  // be read (`get` checks blobs; their locations are not in the file). Of a compressed one: every
  // frame decodes to what its table says, with its checksum. A compressed file without such a table
  // has a fault as well. Signature: void(std::error_code, verify_report). The report lists the
  // faults; an error means that the file could not be opened. Runs on a thread for surveys; a
  // cancelled call ends with `asio::error::operation_aborted` before the next mebibyte.
  template <typename Token = default_token>
  auto verify(std::uint32_t number, Token&& token = Token{}) const {
    return initiate<detail::verify_call, verify_report>(token, number);
  }

  // Tells what `recover_file` would do, and changes nothing; works in a read-only store too.
  // Signature: void(std::error_code, recovery_report). Takes no lock: while somebody appends, the
  // mutable file may look torn. Runs on a thread for surveys; cannot be cancelled.
  template <typename Token = default_token>
  auto examine_file(std::uint32_t number, Token&& token = Token{}) const {
    return initiate<detail::examine_call, recovery_report>(token, number);
  }

  // Mends a compressed file with a torn end in place: cuts it behind its last whole frame and
  // writes the table of all frames, durably. Puts mend a provably torn end by themselves; this call
  // is for the other files, at a person's request. The file is never appended to again. A damaged
  // file is left as it is, and plain files have nothing to mend. Signature: void(std::error_code,
  // recovery_report). `no_such_file`, `not_a_regular_file`, std::errc::too_many_links if it has a
  // second hard link, perhaps of a backup.
  template <typename Token = default_token>
  auto recover_file(std::uint32_t number, Token&& token = Token{}) const {
    return initiate<detail::plain_call<detail::queued_op::kind::recover>, recovery_report>(token,
                                                                                           number);
  }

  // Refuses new work at once, on all handles, and completes when all puts and maintenance accepted
  // before have ended. The store then does not hold the lock. Signature: void(std::error_code).
  // Running reads and surveys end as usual; it neither waits for them nor syncs.
  template <typename Token = default_token>
  auto close(Token&& token = Token{}) const {
    return initiate<detail::plain_call<detail::queued_op::kind::close>>(token);
  }

  // The compression that this store has done since `open`: blobs put into a compressed file, and
  // sealed files.
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
