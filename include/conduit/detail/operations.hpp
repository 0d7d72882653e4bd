// The operations of the store without their handlers: arguments, results, and how each is started,
// cancelled and finished. The handler is added by op.hpp; everything else is compiled code.
#pragma once

#include <asio/buffer.hpp>
#include <atomic>
#include <conduit/blob.hpp>
#include <conduit/data_location.hpp>
#include <conduit/detail/blob_list.hpp>
#include <conduit/detail/completion.hpp>
#include <conduit/detail/exported.hpp>
#include <conduit/pinned_slice.hpp>
#include <conduit/reports.hpp>
#include <conduit/slice.hpp>
#include <memory>
#include <span>
#include <system_error>
#include <tuple>
#include <vector>

namespace conduit::detail {

class binding;    // one store's side of one io_context
class data_file;  // an open data file
enum class open_effort : std::uint8_t;

// The state of a read of a compressed file.
class framed_read;
struct framed_read_deleter {
  void operator()(framed_read* read) const noexcept;
};

enum class finish {
  dispatch,   // run the handler now if this thread belongs to its executor
  immediate,  // for operations that ended in their own initiation: not inside that, unless the
              // handler has its own immediate executor
  destroy     // the context is going: free the handler without running it
};

// A read of a slice.
class CONDUIT_EXPORTED get_op : public io_request {
 public:
  data_location location;
  conduit::slice part;
  std::byte* destination = nullptr;  // given with get_into, else the memory of `bytes`
  std::size_t capacity = 0;          // bytes at `destination`, for get_into
  bool own_memory = true;
  bool read_elsewhere = false;  // that memory was read by another processor, and is written again
  blob bytes;
  std::size_t length = 0;  // bytes of the slice
  bool pins = false;       // only opens the file, and not with O_DIRECT
  std::error_code error;

  std::size_t transferred = 0;
  unsigned retries = 0;  // attempts in a row that moved nothing (EINTR, EAGAIN)
  bool opening = false;  // a helper thread has it, not the engine
  bool served_inline = false;
  bool reopened = false;           // the second and last try, after opening the file again
  finish how = finish::immediate;  // until the initiation is over
  // Set by a cancellation, on any thread; read by the thread that works on the operation.
  std::atomic<bool> abandoned{false};
  std::shared_ptr<data_file> file;
  std::shared_ptr<binding> owner;
  blob bounce;  // aligned memory of an O_DIRECT read whose slice is not aligned
  std::unique_ptr<framed_read, framed_read_deleter> framed;  // set if the file is compressed

  virtual void end(finish how) = 0;
  void start();
  void cancel() noexcept;
  void complete() final;
  void drop() noexcept final;
  // True if the read only waits: for another read of the same frame, or for the lock.
  bool revoke() noexcept final;

  // Used by `framed` too.
  void fail(std::error_code why);
  void open_on_helper();
  void open_file(bool may_compare_forms);
  void conclude();

 private:
  std::shared_ptr<data_file> try_open(bool direct, open_effort effort) noexcept;
  bool wants_direct() const noexcept;
  void read();
  void read_plain();
  void attempt();
  void mend_short_file();

 protected:
  ~get_op() = default;
};

class batch;

// An operation that the writer performs under the lock, in order of arrival.
class CONDUIT_EXPORTED queued_op : public completion {
 public:
  enum class kind : std::uint8_t { append, roll, remove, remove_before, recover, sync, close };
  enum class phase : std::uint8_t { idle, waiting, queued, running, done };

  kind what = kind::append;
  phase state = phase::idle;                  // guarded by the put queue's lock
  bool cancel_wanted = false;                 // the same; set while its bytes are being encoded
  batch* in = nullptr;                        // the same; of a running append
  bool may_wait = true;                       // of `append`: for room in the queue
  std::span<const asio::const_buffer> parts;  // of `append`: of all blobs, in a row
  std::span<data_location> locations;  // of `append`: one a blob, of its size from the beginning;
                                       // checksums set by the initiation
  std::uint64_t blob_bytes = 0;        // of `append`: their sum
  std::uint32_t number = 0;   // argument of roll, remove, remove_before, recover; result of roll
  std::size_t count = 0;      // result of remove_before
  recovery_report recovered;  // result of recover
  std::error_code error;
  std::shared_ptr<binding> owner;

  virtual void end(finish how) = 0;
  void start();
  void cancel() noexcept;
  void complete() final;
  void drop() noexcept final;
  bool revoke() noexcept final;

 private:
  void hash_blobs() noexcept;

 protected:
  ~queued_op() = default;
};

// An operation that only reads the directory or a whole file; runs on the store's helper threads.
class CONDUIT_EXPORTED survey_op : public completion {
 public:
  enum class kind : std::uint8_t { files, verify, examine };

  kind what = kind::files;
  std::uint32_t number = 0;
  std::vector<file_info> found;
  verify_report report;
  recovery_report recovery;
  std::error_code error;
  std::atomic<bool> abandoned{false};  // set by a cancellation, on any thread
  std::shared_ptr<binding> owner;

  virtual void end(finish how) = 0;
  void start();
  void cancel() noexcept { abandoned.store(true, std::memory_order_relaxed); }
  void complete() final;
  void drop() noexcept final;
  // Its helper thread delivers it, and need not go on for long.
  bool revoke() noexcept final {
    cancel();
    return false;
  }

 protected:
  ~survey_op() = default;
};

// The compression of one sealed file, by the store's compressing thread.
class CONDUIT_EXPORTED compress_op : public completion {
 public:
  std::uint32_t number = 0;
  bool waiting = false;  // guarded by the seal queue's lock
  file_compression result;
  std::error_code error;
  std::atomic<bool> abandoned{false};  // set by a cancellation, on any thread
  std::shared_ptr<binding> owner;

  virtual void end(finish how) = 0;
  void start();
  void cancel() noexcept;
  void complete() final;
  void drop() noexcept final;
  bool revoke() noexcept final;

 protected:
  ~compress_op() = default;
};

// The calls: each fills its operation from the arguments and defines what the handler receives
// besides the error.

class get_call : public get_op {
 public:
  get_call(const data_location& from, const conduit::slice& wanted) {
    location = from;
    part = wanted;
  }
  std::tuple<blob> results() { return {std::move(bytes)}; }

 protected:
  ~get_call() = default;
};

class get_into_call : public get_op {
 public:
  get_into_call(const data_location& from, const conduit::slice& wanted,
                const asio::mutable_buffer& to) {
    location = from;
    part = wanted;
    own_memory = false;
    destination = static_cast<std::byte*>(to.data());
    capacity = to.size();
  }
  std::tuple<std::size_t> results() { return {error ? 0 : length}; }

 protected:
  ~get_into_call() = default;
};

class pin_call : public get_op {
 public:
  pin_call(const data_location& from, const conduit::slice& wanted) {
    location = from;
    part = wanted;
    pins = true;
  }
  std::tuple<pinned_slice> results() {
    if (error) return {};
    return {pinned_slice(std::move(file), location.start + part.start, length)};
  }

 protected:
  ~pin_call() = default;
};

class put_call : public queued_op {
 public:
  explicit put_call(const asio::const_buffer& bytes, bool waits_for_room = true) : bytes_(bytes) {
    may_wait = waits_for_room;
    parts = {&bytes_, bytes.size() == 0 ? 0U : 1U};
    locations = {&location_, 1};
    location_.end = bytes.size();
    blob_bytes = bytes.size();
  }
  std::tuple<data_location> results() { return {error ? data_location{} : location_}; }

 protected:
  ~put_call() = default;

 private:
  asio::const_buffer bytes_;
  data_location location_;
};

class put_list_call : public queued_op {
 public:
  explicit put_list_call(blob_list blobs) : list(std::move(blobs)) {
    parts = list.parts;
    locations = list.locations;
    blob_bytes = list.bytes;
  }

 protected:
  ~put_list_call() = default;

  blob_list list;
};

// One blob in several parts.
class put_parts_call : public put_list_call {
 public:
  put_parts_call(blob_list blob, bool waits_for_room) : put_list_call(std::move(blob)) {
    may_wait = waits_for_room;
  }
  std::tuple<data_location> results() { return {error ? data_location{} : list.locations.front()}; }

 protected:
  ~put_parts_call() = default;
};

class put_many_call : public put_list_call {
 public:
  using put_list_call::put_list_call;
  std::tuple<std::vector<data_location>> results() {
    if (error) list.locations.clear();
    return {std::move(list.locations)};
  }

 protected:
  ~put_many_call() = default;
};

template <queued_op::kind Kind>
class plain_call : public queued_op {
 public:
  explicit plain_call(std::uint32_t argument = 0) {
    what = Kind;
    number = argument;
  }
  auto results() {
    if constexpr (Kind == queued_op::kind::roll) {
      return std::tuple<std::uint32_t>{error ? 0 : number};
    } else if constexpr (Kind == queued_op::kind::remove_before) {
      return std::tuple<std::size_t>{count};
    } else if constexpr (Kind == queued_op::kind::recover) {
      return std::tuple<recovery_report>{recovered};
    } else {
      return std::tuple<>{};
    }
  }

 protected:
  ~plain_call() = default;
};

class files_call : public survey_op {
 public:
  files_call() { what = kind::files; }
  std::tuple<std::vector<file_info>> results() { return {std::move(found)}; }

 protected:
  ~files_call() = default;
};

class examine_call : public survey_op {
 public:
  explicit examine_call(std::uint32_t file) {
    what = kind::examine;
    number = file;
  }
  std::tuple<recovery_report> results() { return {recovery}; }

 protected:
  ~examine_call() = default;
};

class verify_call : public survey_op {
 public:
  explicit verify_call(std::uint32_t file) {
    what = kind::verify;
    number = file;
  }
  std::tuple<verify_report> results() { return {std::move(report)}; }

 protected:
  ~verify_call() = default;
};

class compress_call : public compress_op {
 public:
  explicit compress_call(std::uint32_t file) { number = file; }
  std::tuple<file_compression> results() { return {result}; }

 protected:
  ~compress_call() = default;
};

}  // namespace conduit::detail
