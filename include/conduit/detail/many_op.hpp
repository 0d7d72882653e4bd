// Many reads in one operation, without its handler: see operations.hpp.
#pragma once

#include <conduit/detail/completion.hpp>
#include <conduit/detail/exported.hpp>
#include <conduit/detail/operations.hpp>
#include <conduit/read_many.hpp>
#include <memory>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

namespace conduit::detail {

class many_reads;

class CONDUIT_EXPORTED many_op : public io_request {
 public:
  std::vector<read_request> requests;
  many_options options;
  std::vector<read_result> found;  // one a request, in the same order
  std::error_code error;
  std::shared_ptr<binding> owner;
  std::shared_ptr<many_reads> reads;

  virtual void end(finish how) = 0;
  void start();
  void cancel() noexcept;
  void complete() final;
  void drop() noexcept final;

 protected:
  ~many_op() = default;
};

class many_call : public many_op {
 public:
  many_call(std::vector<read_request> wanted, const many_options& how) {
    requests = std::move(wanted);
    options = how;
  }
  std::tuple<std::vector<read_result>> results() {
    if (error) found.clear();
    return {std::move(found)};
  }

 protected:
  ~many_call() = default;
};

}  // namespace conduit::detail
