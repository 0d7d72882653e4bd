// Many reads in one operation, without its handler: see operations.hpp.
#pragma once

#include <conduit/detail/composed_op.hpp>
#include <conduit/detail/exported.hpp>
#include <conduit/get_many.hpp>
#include <memory>
#include <tuple>
#include <utility>
#include <vector>

namespace conduit::detail {

class many_reads;

class CONDUIT_EXPORTED many_op : public composed_op {
 public:
  std::vector<read_request> requests;
  get_many_options options;
  std::vector<read_result> found;  // one a request, in the same order
  std::shared_ptr<many_reads> reads;

 private:
  void begin() final;
  void give_up() noexcept final;

 protected:
  ~many_op() = default;
};

class many_call : public many_op {
 public:
  many_call(std::vector<read_request> wanted, const get_many_options& how) {
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
