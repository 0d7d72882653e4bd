// What works for all contexts of a store: the writer, and the thread that compresses files.
// Contexts know them by these calls alone.
#pragma once

#include <conduit/detail/operations.hpp>
#include <conduit/reports.hpp>
#include <cstdint>
#include <system_error>

namespace conduit::detail {

// All calls from any thread.
template <typename Operation>
class service {
 public:
  service() = default;
  service(const service&) = delete;
  service& operator=(const service&) = delete;
  virtual ~service() = default;

  // On an error nothing has happened. Otherwise the operation may be gone.
  virtual std::error_code submit(Operation& operation) = 0;
  virtual void cancel(Operation& operation) = 0;
  // The operation's context goes away. False: it is finished and on its way.
  virtual bool revoke(Operation& operation) noexcept = 0;
  // The last handle is gone: what has not been begun ends with `operation_aborted`.
  virtual void abandon() = 0;
  virtual void add_to(store_stats& sum) const noexcept = 0;
};

class put_service : public service<queued_op> {
 public:
  // Whether a put of so many bytes would not have to wait at this moment.
  virtual bool has_room(std::uint64_t bytes) = 0;
};

using compress_service = service<compress_op>;

}  // namespace conduit::detail
